import type { App } from "../app.ts";
import { brief } from "../brief.ts";
import type { PermanentError } from "../errors.ts";
import { canonicalJson, isJsonObject, type JsonValue } from "../json.ts";
import type { Cause, RunState } from "../run.ts";
import { nameFor } from "../run-name.ts";
import { MAX_BODY_BYTES, type NewRun, type RunBody } from "../store.ts";
import { timestamp } from "../time.ts";
import type { Accepted } from "./intake.ts";

/** The longest name of a flow in the head of a run that could not be read, in bytes of JSON. */
const LONGEST_NAME = 400;

/** The most bytes kept of a body that cannot be read; the rest of what a store takes is for its faults. */
const MOST_RECEIVED_BYTES = (MAX_BODY_BYTES * 3) / 4;

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
