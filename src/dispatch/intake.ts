import { createHash } from "node:crypto";
import type { App } from "../app.ts";
import { brief } from "../brief.ts";
import { invalid, PermanentError } from "../errors.ts";
import { canonicalJson, isJsonObject, type JsonValue } from "../json.ts";
import { parseMessage, RUN_ID, type RunMessage } from "../message.ts";
import { type ResolvedRequest, resolveRequest } from "../request.ts";
import type { Cause, RunState } from "../run.ts";
import { nameFor } from "../run-name.ts";
import { MAX_BODY_BYTES, type NewRun, type RunBody } from "../store.ts";
import { timestamp } from "../time.ts";
import { unfit } from "../unfit.ts";

/** The name of a flow in the head of a run that could not be read, in bytes of JSON. */
const LONGEST_NAME = 400;

/** Of a body that cannot be read so many bytes are kept; the rest of what a store takes is for its faults. */
const MOST_RECEIVED_BYTES = (MAX_BODY_BYTES * 3) / 4;

/** What a body of the queue turns out to be. */
export type Intake =
  /** It names a run that is stored already. */
  | { readonly type: "reference"; readonly runId: string }
  /** It asks for a run. */
  | { readonly type: "request"; readonly id: string; readonly accepted: Accepted }
  /** It can never work; the run is stored with what came, so that people can read it. */
  | {
      readonly type: "faulty";
      readonly id: string;
      readonly received: JsonValue;
      readonly error: PermanentError;
    };

/** A request for a run that has no faults. */
export interface Accepted extends ResolvedRequest {
  readonly received: JsonValue;
  readonly message: RunMessage;
}

/**
 * Reads the body of a message. Throws only what a later try may cure, such as a store that does not
 * answer.
 */
export async function readBody(
  app: { readonly registry: Pick<App["registry"], "flow"> },
  body: string,
  messageId: string,
): Promise<Intake> {
  const received = parseJson(body);
  const id = idOf(received) ?? idFor(messageId);
  try {
    if (received === undefined) throw notJson();
    const parsed = parseMessage(received);
    if ("runId" in parsed) return { type: "reference", runId: parsed.runId };
    return { type: "request", id, accepted: await accept(app, received) };
  } catch (error) {
    if (!(error instanceof PermanentError)) throw error;
    return { type: "faulty", id, received: isFit(received) ? received : body, error };
  }
}

/**
 * Reads a request for a run and completes it from the registered flow it names. Throws
 * `PermanentError` with all its faults.
 */
export async function accept(
  app: { readonly registry: Pick<App["registry"], "flow"> },
  received: JsonValue,
  options: { readonly plan?: boolean } = {},
): Promise<Accepted> {
  const parsed = parseMessage(received, options);
  if (!parsed.ok) throw invalid("the message", parsed.issues);
  if (parsed.type === "reference") {
    throw new PermanentError("invalid", "the message names a run but asks for none: add a flow", {
      issues: [{ path: "flow", message: "expected a flow, got nothing" }],
    });
  }
  const { message } = parsed;
  const registered = await registeredFlow(app, message);
  const resolved = resolveRequest(message, registered);
  refuseTooLarge({ received, request: resolved.request });
  return {
    ...resolved,
    received,
    message,
    warnings: [...new Set([...parsed.warnings, ...resolved.warnings])],
  };
}

function refuseTooLarge(body: RunBody): void {
  const size = Buffer.byteLength(JSON.stringify(body));
  if (size <= MAX_BODY_BYTES) return;
  throw new PermanentError(
    "too_large",
    `the request takes ${size} bytes to store, expected at most ${MAX_BODY_BYTES}: keep large parameters elsewhere and pass where`,
  );
}

/** The run that a request becomes, in its first state. */
export function newRun(
  app: App,
  { id, accepted }: { readonly id: string; readonly accepted: Accepted },
  state: RunState,
): NewRun {
  const { request, config, message, received } = accepted;
  return {
    id,
    name: message.name ?? nameFor(id),
    flow: {
      name: request.flow.name,
      ...(request.flow.version === undefined ? {} : { version: request.flow.version }),
    },
    labels: request.labels,
    backend: config.backend,
    place: app.place,
    createdAt: timestamp(app.now()),
    state,
    body: { received, request },
  };
}

/** What came for a run that ends at once, and what is wrong with it, if that is known. */
export interface Failed {
  readonly id: string;
  readonly received: JsonValue;
  readonly error?: PermanentError;
}

/** The run that a faulty or abandoned body becomes: ended, with what came kept to be read. */
export function failedRun(app: App, { id, received, error }: Failed, cause: Cause): NewRun {
  const flow = isJsonObject(received) ? received["flow"] : undefined;
  const name = isJsonObject(flow) ? flow["name"] : flow;
  return {
    id,
    name: nameFor(id),
    flow: { name: typeof name === "string" && name !== "" ? brief(name, LONGEST_NAME) : "unknown" },
    labels: [],
    backend: "any",
    place: app.place,
    createdAt: timestamp(app.now()),
    state: { type: "crashed", cause },
    body: {
      received: cut(received),
      ...(error === undefined || error.message === cause.message ? {} : issuesOf(error)),
    },
  };
}

/** Whether two bodies ask for the same. */
export function sameBody(a: JsonValue, b: JsonValue): boolean {
  return canonicalJson(a) === canonicalJson(b);
}

/**
 * The stored body of a run, if a message that came for it asks for the same. Undefined if it does not: such
 * a message is ignored, for it must neither change nor end what is not its own, and the log tells of it.
 */
export async function bodyIfSame(
  app: Pick<App, "store" | "log">,
  runId: string,
  received: JsonValue,
): Promise<RunBody | undefined> {
  const body = await app.store.body(runId);
  if (body !== undefined && sameBody(body.received, cut(received))) return body;
  app.log.warn("message ignored: another request has its run id", { runId });
  return undefined;
}

/** The id of a run whose message has none: the queue's own, if it can be one, else a hash of it. */
export function idFor(messageId: string): string {
  const id = messageId.toLowerCase();
  return RUN_ID.test(id) ? id : createHash("sha256").update(messageId).digest("hex").slice(0, 40);
}

function idOf(received: JsonValue | undefined): string | undefined {
  const id = isJsonObject(received) ? received["run_id"] : undefined;
  return typeof id === "string" && RUN_ID.test(id) ? id : undefined;
}

async function registeredFlow(
  app: { readonly registry: Pick<App["registry"], "flow"> },
  message: RunMessage,
) {
  if (message.flow.type === "inline") return undefined;
  const { name, version } = message.flow;
  const registered = await app.registry.flow(name, version);
  if (registered === undefined) {
    const which = version === undefined ? name : `${name} version ${version}`;
    throw new PermanentError(
      "unknown_flow",
      `no flow ${which} is registered: register it, or send the flow itself with the run`,
      { issues: [{ path: "flow", message: `expected a registered flow, got ${which}` }] },
    );
  }
  return { ...registered.flow, version: registered.version };
}

function parseJson(body: string): JsonValue | undefined {
  try {
    return JSON.parse(body) as JsonValue;
  } catch {
    // Its text says where the fault is by quoting what may be a secret.
    return undefined;
  }
}

function notJson(): PermanentError {
  return new PermanentError("invalid", "the message is not JSON: send one JSON object", {
    issues: [{ path: "", message: "expected a JSON object, got other text" }],
  });
}

/** Whether a document can be kept as it is; one that is too deep is kept as text. */
function isFit(received: JsonValue | undefined): received is JsonValue {
  if (received === undefined) return false;
  return unfit({ received }) === undefined;
}

/** The faults that no message has room for, as many as the store takes beside the body. */
function issuesOf({ issues }: PermanentError): Pick<RunBody, "issues"> {
  let room = MAX_BODY_BYTES - MOST_RECEIVED_BYTES - 100;
  const kept = issues.filter((issue) => {
    room -= Buffer.byteLength(JSON.stringify(issue)) + 1;
    return room >= 0;
  });
  return kept.length === 0 ? {} : { issues: kept };
}

/** What of a body is kept: all, or of one that is too large as much as the store takes beside its faults. */
function cut(received: JsonValue): JsonValue {
  const text = JSON.stringify(received);
  if (Buffer.byteLength(text) <= MOST_RECEIVED_BYTES) return received;
  return `${brief(text, MOST_RECEIVED_BYTES - 100)} (cut from ${text.length} characters)`;
}
