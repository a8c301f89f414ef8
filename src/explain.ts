import { inTime } from "./abort.ts";
import { agentNamed, matchAgent, type Verdict, verdict, whyNoAgent } from "./agent.ts";
import type { App } from "./app.ts";
import { accept } from "./dispatch/intake.ts";
import { messageOf } from "./errors.ts";
import { existingRun } from "./existing-run.ts";
import { isOnline, unseen, waitsForHost } from "./hosts.ts";
import { backendOf } from "./jobs.ts";
import type { JsonValue } from "./json.ts";
import { agentOf, CLOUD, isFinal, jobOf, type Run, type RunState } from "./run.ts";
import { SECOND, timestamp } from "./time.ts";

/** Which agent takes a run, or why none does. */
export interface Explanation {
  /** The run's state, if it is stored. */
  readonly state?: RunState;
  /** In one sentence: what happens next, or what is in the way. */
  readonly because: string;
  /** The agent that takes it as `sluice.yml` stands now. */
  readonly agent?: string;
  readonly wanted: { readonly backend: string; readonly labels: readonly string[] };
  /** What each agent says to it, in the order of `sluice.yml`. */
  readonly agents: readonly (Verdict & {
    readonly backend: string;
    readonly labels: readonly string[];
  })[];
  /** When it is tried next, if it waits. */
  readonly nextTry?: string;
  readonly warnings: readonly string[];
}

/** Whoever asks does not wait longer for what a platform says. */
const PATIENCE_MS = 5 * SECOND;

/**
 * Explains a stored run. What its platform says of a job that waits is asked now and stored nowhere.
 * Throws `PermanentError` ("not_found") if there is none.
 */
export async function explainRun(app: App, id: string): Promise<Explanation> {
  const run = await existingRun(app.store, id);
  const { state } = run;
  return {
    ...trace(app, run),
    state,
    because: await because(app, run),
    ...(state.type === "waiting" && state.reason !== "no_agent" ? { nextTry: state.until } : {}),
    ...(state.type === "scheduled" ? { nextTry: state.start } : {}),
    warnings: [],
  };
}

/** Explains a request without making a run of it. Throws `PermanentError` with all its faults. */
export async function explainRequest(app: App, received: JsonValue): Promise<Explanation> {
  const { request, config, warnings } = await accept(app, received);
  const wanted = { backend: config.backend, labels: request.labels };
  const agent = matchAgent(app.agents, wanted);
  return {
    ...trace(app, wanted),
    because:
      agent === undefined
        ? whyNoAgent(app.agents, wanted)
        : `goes to ${agent.name}, the first agent in sluice.yml that takes it`,
    warnings,
  };
}

function trace(
  app: App,
  { backend, labels }: { readonly backend: string; readonly labels: readonly string[] },
): Pick<Explanation, "agent" | "wanted" | "agents"> {
  const wanted = { backend, labels };
  const taker = matchAgent(app.agents, wanted);
  return {
    wanted,
    agents: app.agents.map((agent) => ({
      ...verdict(agent, wanted),
      backend: agent.backend,
      labels: agent.labels,
    })),
    ...(taker === undefined ? {} : { agent: taker.name }),
  };
}

async function because(app: App, run: Run): Promise<string> {
  const { state, place } = run;
  if (isFinal(state)) return happens(app, run);
  const more = place === app.place ? await fromPlatform(app, run) : "";
  if (place === CLOUD) return `${happens(app, run)}${more}${goneAgent(app, run)}`;
  const host = await app.hosts.get(place);
  const now = timestamp(app.now());
  // A host that has tried has said in the state what is in its way.
  if (state.type === "waiting" && state.reason === "agent" && state.tries === 0) {
    return waitsForHost(place, host, now);
  }
  if (host === undefined || isOnline(host, now)) return `${happens(app, run)}${more}`;
  return `${happens(app, run)}; the host of agent ${place} on ${host.machine} is offline, ${unseen(host)}`;
}

/** What holds up a job that has not started, in its platform's words. */
async function fromPlatform(app: App, { state }: Run): Promise<string> {
  const job = jobOf(state);
  const agent = agentOf(state);
  if (job === undefined || agent === undefined) return "";
  if (agentNamed(app.agents, agent) === undefined) return "";
  try {
    const backend = await backendOf(app, { agent });
    const patience = app.timeout(PATIENCE_MS);
    const [status] = await inTime(patience, PATIENCE_MS, backend.inspect([job]));
    return status?.type === "pending" && status.detail !== undefined ? `: ${status.detail}` : "";
  } catch (error) {
    return `; its platform could not be asked for more: ${messageOf(error)}`;
  }
}

/** A run whose agent is gone is followed again as soon as the agent is back. */
function goneAgent(app: App, { state }: Run): string {
  const name = agentOf(state);
  if (name === undefined || agentNamed(app.agents, name) !== undefined) return "";
  return `; agent ${name} is no longer in sluice.yml: put it back, for nobody else can ask about the run`;
}

function happens(app: App, run: Run): string {
  const { state } = run;
  if (isFinal(state)) return `${state.type}: ${state.cause.message}`;
  switch (state.type) {
    case "scheduled":
      return `starts at ${state.start}`;
    case "waiting":
      return state.reason === "no_agent" && matchAgent(app.agents, run) !== undefined
        ? "an agent fits now: it goes with the next tick"
        : state.message;
    case "launching":
      return state.detail === undefined
        ? `agent ${state.agent} is launching it (launch ${state.launch} at ${state.target})`
        : `agent ${state.agent} tries launch ${state.launch} again at ${state.until}: ${state.detail}`;
    case "submitted":
      return `agent ${state.agent} has launched ${state.job.id}, which has not started yet`;
    case "running":
      return `agent ${state.agent} runs it as ${state.job.id}`;
    case "cancelling":
      return state.job === undefined
        ? "cancelled while it was being launched: its job is looked for"
        : `agent ${state.agent} has asked ${state.job.id} to stop`;
  }
}
