import { type Agent, matchAgent, whyNoAgent } from "./agent.ts";
import type { App } from "./app.ts";
import { accept } from "./dispatch/intake.ts";
import { launchRequest } from "./dispatch/launch-request.ts";
import { type ErrorCode, type Issue, messageOf, PermanentError } from "./errors.ts";
import type { JsonObject, JsonValue } from "./json.ts";
import { maskVariables } from "./mask.ts";
import { nameFor } from "./run-name.ts";
import { refuseInexact } from "./unfit.ts";

/** The answer to one request for a plan. */
export type PlanAnswer =
  | {
      readonly ok: true;
      readonly agent: string;
      readonly backend: string;
      readonly warnings: readonly string[];
      /** Exactly what would be sent; its shape is the backend's. */
      readonly launch: JsonObject;
    }
  | { readonly ok: false; readonly error: PlanError };

/** Why nothing would be launched. `internal` is a fault of ours or of what we asked, no refusal. */
export interface PlanError {
  readonly code: ErrorCode | "internal";
  readonly message: string;
  readonly issues: readonly Issue[];
}

type PlanApp = Pick<App, "agents" | "agentFrom" | "backend" | "newId"> & {
  readonly registry: Pick<App["registry"], "flow">;
};

/**
 * Says exactly what would be launched for a message, and launches nothing. A message may bring an
 * `agent` of its own, which then is the only one. Never throws: whatever goes wrong is the answer.
 */
export async function plan(
  app: PlanApp,
  received: JsonValue,
  options: { readonly showSecrets?: boolean } = {},
): Promise<PlanAnswer> {
  return answered(() => planOrThrow(app, received, options.showSecrets ?? false));
}

/** As `plan`, for a line of JSON text. */
export async function planLine(
  app: PlanApp,
  line: string,
  options: { readonly showSecrets?: boolean } = {},
): Promise<PlanAnswer> {
  let received: JsonValue;
  try {
    received = JSON.parse(line) as JsonValue;
  } catch {
    // The parser's own words quote the line, which may hold secrets.
    const message = "the line is not JSON: send one JSON object a line";
    return { ok: false, error: { code: "invalid", message, issues: [{ path: "", message }] } };
  }
  return answered(async () => {
    refuseInexact(line, "the line");
    return planOrThrow(app, received, options.showSecrets ?? false);
  });
}

async function answered(work: () => Promise<PlanAnswer>): Promise<PlanAnswer> {
  try {
    return await work();
  } catch (error) {
    return { ok: false, error: errorOf(error) };
  }
}

async function planOrThrow(
  app: PlanApp,
  received: JsonValue,
  showSecrets: boolean,
): Promise<PlanAnswer> {
  const { request, config, message, warnings } = await accept(app, received, { plan: true });
  const { agent: inline } = received as JsonObject;
  const agents: readonly Agent[] =
    inline === undefined ? app.agents : [await app.agentFrom(inline)];
  const wanted = { backend: config.backend, labels: request.labels };
  const agent = matchAgent(agents, wanted);
  if (agent === undefined) throw new PermanentError("no_agent", whyNoAgent(agents, wanted));
  const id = message.runId ?? app.newId();
  const run = { id, name: message.name ?? nameFor(id) };
  const backend = await app.backend(agent);
  const planned = await backend.plan(launchRequest(run, request, { agent, launch: 1 }));
  return {
    ok: true,
    agent: agent.name,
    backend: agent.backend,
    warnings: [...warnings, ...planned.warnings],
    launch: showSecrets
      ? planned.launch
      : (maskVariables(planned.launch, planned.secrets) as JsonObject),
  };
}

function errorOf(error: unknown): PlanError {
  if (error instanceof PermanentError) {
    return { code: error.code, message: error.message, issues: error.issues };
  }
  return { code: "internal", message: messageOf(error), issues: [] };
}
