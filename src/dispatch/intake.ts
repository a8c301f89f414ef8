import { createHash } from "node:crypto";
import type { App } from "../app.ts";
import { invalid, PermanentError } from "../errors.ts";
import type { Flow } from "../flow.ts";
import { inexactNumber, isJsonObject, type JsonValue } from "../json.ts";
import {
  type MessageFlow,
  type ParsedMessage,
  parseMessage,
  RUN_ID,
  type RunMessage,
} from "../message.ts";
import { type ResolvedRequest, resolveRequest } from "../request.ts";
import { MAX_BODY_BYTES, type RunBody } from "../store.ts";
import { refuseInexact, unfit } from "../unfit.ts";

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

/** What reading a message needs. */
interface Flows {
  readonly registry: Pick<App["registry"], "flow">;
}

/**
 * Reads the body of a message. Throws only what a later try may cure, such as a store that does not
 * answer.
 */
export async function readBody(app: Flows, body: string, messageId: string): Promise<Intake> {
  const received = parseJson(body);
  const id = idOf(received) ?? idFor(messageId);
  try {
    if (received === undefined) throw notJson();
    refuseInexact(body, "the message");
    const parsed = parseMessage(received);
    if (parsed.ok && parsed.type === "reference") return { type: "reference", runId: parsed.runId };
    return { type: "request", id, accepted: await complete(app, received, parsed) };
  } catch (error) {
    if (!(error instanceof PermanentError)) throw error;
    return { type: "faulty", id, received: isFit(received, body) ? received : body, error };
  }
}

/**
 * Reads a request for a run and completes it from the registered flow it names. Throws
 * `PermanentError` with all its faults.
 */
export async function accept(
  app: Flows,
  received: JsonValue,
  options: { readonly plan?: boolean } = {},
): Promise<Accepted> {
  return complete(app, received, parseMessage(received, options));
}

async function complete(app: Flows, received: JsonValue, parsed: ParsedMessage): Promise<Accepted> {
  if (!parsed.ok) throw invalid("the message", parsed.issues);
  if (parsed.type === "reference") {
    throw new PermanentError("invalid", "the message names a run but asks for none: add a flow", {
      issues: [{ path: "flow", message: "expected a flow, got nothing" }],
    });
  }
  const { message } = parsed;
  const resolved = resolveRequest(message, await flowOf(app, message.flow));
  refuseTooLarge({ received, request: resolved.request });
  return {
    ...resolved,
    received,
    message,
    warnings: [...new Set([...parsed.warnings, ...resolved.warnings])],
  };
}

/** The flow a message brings, or the registered one it names. */
async function flowOf(app: Flows, asked: MessageFlow): Promise<Flow> {
  if (asked.type === "inline") return asked.flow;
  const { name, version } = asked;
  const registered = await app.registry.flow(name, version);
  if (registered !== undefined) return { ...registered.flow, version: registered.version };
  const which = version === undefined ? name : `${name} version ${version}`;
  throw new PermanentError(
    "unknown_flow",
    `no flow ${which} is registered: register it, or send the flow itself, with its command, engine or storage`,
    { issues: [{ path: "flow", message: `expected a registered flow, got ${which}` }] },
  );
}

function refuseTooLarge(body: RunBody): void {
  const size = Buffer.byteLength(JSON.stringify(body));
  if (size <= MAX_BODY_BYTES) return;
  throw new PermanentError(
    "too_large",
    `the request takes ${size} bytes to store, expected at most ${MAX_BODY_BYTES}: store large parameters elsewhere and pass their address`,
  );
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

/** Whether a document can be kept as it is; one that is too deep, or would be changed, is kept as text. */
function isFit(received: JsonValue | undefined, body: string): received is JsonValue {
  if (received === undefined) return false;
  return unfit({ received }) === undefined && inexactNumber(body) === undefined;
}
