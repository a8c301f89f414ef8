import type { LaunchAnswer } from "../../backend.ts";
import { hasNoCredentials, withoutCredentials } from "../../credentials/aws.ts";
import { messageOf, PermanentError } from "../../errors.ts";

/**
 * What an error of AWS means for a launch.
 *
 * `throttled` asked too often, nothing was done · `unreachable` no connection came about, so nothing was
 * done · `credentials` there are none, or AWS does not take them, so nothing was done · `conflict` the token
 * belongs to another request · `contention` somebody else registers the same family at this moment ·
 * `inactive` the task definition may not be run any more · `capacity` no room · `role` ECS may not use the
 * role, maybe not yet · `denied` we lack a right, maybe for a moment only, so nothing was done · `permanent`
 * refused for good · `ambiguous` anything may have happened.
 */
export type ErrorKind =
  | "throttled"
  | "unreachable"
  | "credentials"
  | "conflict"
  | "contention"
  | "inactive"
  | "capacity"
  | "role"
  | "denied"
  | "permanent"
  | "ambiguous";

/** The parts of an AWS error that decide on its kind. */
export interface AwsFault {
  readonly name: string;
  readonly message: string;
  /** HTTP status; undefined if there was no answer. */
  readonly status: number | undefined;
  /** Whether it is the credentials of this process that failed. */
  readonly credentials: boolean;
  /** The tasks a used token belongs to. */
  readonly resourceIds: readonly string[];
}

/** Reads whatever an AWS client threw. */
export function faultOf(error: unknown): AwsFault {
  const { name, $metadata, resourceIds } = (error ?? {}) as {
    readonly name?: string;
    readonly $metadata?: { readonly httpStatusCode?: number };
    readonly resourceIds?: readonly string[];
  };
  return {
    name: name ?? "",
    message: messageOf(error),
    status: $metadata?.httpStatusCode,
    credentials: hasNoCredentials(error),
    resourceIds: resourceIds ?? [],
  };
}

/** The name of the error that stands for a connection that did not come about. */
export const NOT_CONNECTED = "SluiceNotConnected";

/** The name of the error that stands for a call of which an earlier attempt may have been carried out. */
export const OPEN = "SluiceOpen";

const THROTTLES =
  /^(Throttling|ThrottlingException|ThrottledException|RequestThrottled|RequestThrottledException|RequestLimitExceeded|TooManyRequestsException|LimitExceededException|SlowDown|EC2ThrottledException)$/;

/** Decides what an error means. The first rule that fits counts. Pure. */
export function kindOf({ name, message, status, credentials }: AwsFault): ErrorKind {
  if (name === OPEN) return "ambiguous";
  if (name === NOT_CONNECTED) return "unreachable";
  if (THROTTLES.test(name) || status === 429) return "throttled";
  if (credentials) return "credentials";
  if (status === undefined || status >= 500 || status < 400) return "ambiguous";
  // Before all other words, for this one quotes ARNs, and names in them may be anything.
  if (UNAUTHORIZED.test(message)) return "denied";
  // ECS looks up subnets itself, and passes on as a refusal that it was throttled at that.
  if (/throttl|rate exceeded/i.test(message)) return "throttled";
  if (name === "ConflictException") return "conflict";
  if (/too many concurrent attempts to create a new revision/i.test(message)) return "contention";
  if (isUnusable(name, message)) return "inactive";
  if (name === "ClientException" && UNUSABLE_ROLE.test(message)) return "role";
  if (
    /capacity|provisioning|you.ve reached the limit/i.test(message) &&
    name === "ClientException"
  ) {
    return "capacity";
  }
  return "permanent";
}

const UNAUTHORIZED = /not authorized to perform/i;
const UNUSABLE_ROLE = /unable to assume the role/i;

/** Whether asking again is of no use where nothing but the answer is wanted. */
export function isForGood(kind: ErrorKind): boolean {
  return kind === "permanent" || kind === "inactive" || kind === "role" || kind === "denied";
}

/** A definition that was deregistered or deleted, or is another account's since credentials changed. */
function isUnusable(name: string, message: string): boolean {
  if (name === "InvalidParameterException") return /Your accountId is/i.test(message);
  return name === "ClientException" && /inactive|task ?definition.*not found/i.test(message);
}

/** What an error means where no task can have come of it that the token would not give back. */
export function answerTo(error: unknown, what: string): LaunchAnswer {
  if (error instanceof PermanentError) throw error;
  const fault = faultOf(error);
  const kind = kindOf(fault);
  if (kind === "throttled" || kind === "contention") {
    return { type: "throttled", message: `AWS answered ${fault.name}: ${fault.message}` };
  }
  if (kind === "unreachable") {
    return { type: "unavailable", message: `AWS cannot be asked: ${fault.message}` };
  }
  if (kind === "credentials") throw withoutCredentials("the task cannot be started", error);
  if (kind === "denied") {
    // A right that was given a moment ago, say by a deployment, does not count everywhere yet.
    return { type: "refused", message: refusal(what, error).message, hint: "configuration" };
  }
  throw isForGood(kind) ? refusal(what, error) : error;
}

/** Asks AWS; what it refuses for good becomes a `PermanentError` that says what was asked. */
export async function refusedOr<T>(what: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    throw isForGood(kindOf(faultOf(error))) ? refusal(what, error) : error;
  }
}

/** What AWS describes; undefined if it does not know the task definition. */
export async function unlessUnknown<T>(describe: () => Promise<T>): Promise<T | undefined> {
  try {
    return await describe();
  } catch (error) {
    const { name, message } = faultOf(error);
    if (name === "ClientException" && /unable to describe/i.test(message)) return undefined;
    throw error;
  }
}

/** The refusal of a request for good, in AWS's words and with advice where the words need it. */
export function refusal(what: string, error: unknown): PermanentError {
  const { name, message } = faultOf(error);
  return new PermanentError(
    "rejected",
    `AWS refused ${what}: ${name}: ${message}${advice(message)}`,
    {
      cause: error,
    },
  );
}

function advice(message: string): string {
  if (UNUSABLE_ROLE.test(message)) {
    return "; let the role trust ecs-tasks.amazonaws.com, and run again if it was made a moment ago";
  }
  if (UNAUTHORIZED.test(message)) {
    return "; add the action to the rights of the dispatcher";
  }
  if (/is not a container in the task ?definition/i.test(message)) {
    return "; the container that runs the flow must be named flow";
  }
  return "";
}

/** Why ECS did not do, or does not know, a part of what it was asked. */
export interface Failure {
  readonly arn?: string | undefined;
  readonly reason?: string | undefined;
  readonly detail?: string | undefined;
}

/** What a refused launch says: the message, and what the refusal is about if that is known. */
export type Refusal = Omit<Extract<LaunchAnswer, { type: "refused" }>, "type">;

/**
 * What it means that RunTask has started no task, by ECS's own words. Each instance may have a reason of
 * its own: where one would fit if it had room, the others do not matter. Pure.
 */
export function refusalFor(failures: readonly Failure[]): Refusal {
  const reasons = failures.map(({ reason, detail }) => [reason, detail].filter(Boolean).join(": "));
  const text = [...new Set(reasons)].join("; ");
  const message = `ECS cannot place the task: ${text}`;
  if (reasons.every((reason) => CONFIGURATION.test(reason))) {
    const advice = "if this stays so, look at the placement constraints and the network";
    return { message: `${message}; ${advice}`, hint: "configuration" };
  }
  return CAPACITY.test(text) ? { message, hint: "capacity" } : { message };
}

/** No instance, however many there are, is as asked for. */
const CONFIGURATION = /\b(ATTRIBUTE|LOCATION)\b|MemberOf|placement constraint/;

/** Instances are started, or given back by others, within minutes. */
const CAPACITY = /\bRESOURCE:|capacity|NO ACTIVE INSTANCES|no container instances were found/i;
