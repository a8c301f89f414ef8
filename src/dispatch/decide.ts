import { inTime } from "../abort.ts";
import { type Agent, agentNamed, matchAgent, whyNoAgent } from "../agent.ts";
import type { App } from "../app.ts";
import type { LaunchPlan } from "../backend.ts";
import { brief, MOST_BYTES } from "../brief.ts";
import { causeOf } from "../cause.ts";
import { show } from "../check.ts";
import { backoff } from "../due.ts";
import { messageOf, PermanentError } from "../errors.ts";
import { SAID_FOR_MS, waitsForHost } from "../hosts.ts";
import { backendOf, findJob, keyOf } from "../jobs.ts";
import type { RunRequest } from "../request.ts";
import {
  type Final,
  type Launch,
  type Launching,
  type Place,
  type Run,
  type RunState,
  type Submitted,
  type Waiting,
} from "../run.ts";
import { plus, SECOND, timestamp } from "../time.ts";
import { launchRequest } from "./launch-request.ts";

/** What is to be done with a run that has no job yet: the state it takes, and how it gets there. */
export type Decision =
  | { readonly event: "wait"; readonly next: Waiting; readonly place: Place }
  | { readonly event: "launch"; readonly next: Launching; readonly plan: LaunchPlan }
  /** A launch that was refused has a job all the same. */
  | { readonly event: "observe"; readonly next: Submitted }
  | { readonly event: "end"; readonly next: Final };

/** The parts of a run that a decision rests on; a run not yet stored has them too. */
export type Candidate = Pick<Run, "id" | "name" | "labels" | "backend" | "launches"> & {
  readonly state?: RunState;
};

/** The longest a launch is planned. A message that fails whenever a platform hangs would end among the dead. */
const PLANNING_MS = 20 * SECOND;

/**
 * Decides what is to be done with a run whose time has come: which agent takes it, what would be
 * launched, or why it waits or ends. Reads templates and the like; writes and launches nothing.
 */
export async function decide(app: App, run: Candidate, request: RunRequest): Promise<Decision> {
  const agent = matchAgent(app.agents, run);
  if (agent === undefined) return waitForSomeAgent(app, run);
  const place = app.placeOf(agent);
  if (place !== app.place) return await leaveTo(app, run, { agent, place });
  const pending = pendingLaunch(run.state, agent);
  try {
    const patience = app.timeout(PLANNING_MS);
    return await inTime(patience, PLANNING_MS, launchOn(app, run, { agent, request, pending }));
  } catch (error) {
    if (!(error instanceof PermanentError)) return tryLater(app, run, { agent, pending, error });
    return { event: "end", next: { type: "crashed", cause: causeOf(error), agent: agent.name } };
  }
}

/** What cannot be planned now, for a template store or a platform does not answer, says so and waits. */
function tryLater(
  app: App,
  run: Candidate,
  rest: { agent: Agent; pending: Launch | undefined; error: unknown },
): Decision {
  const { agent, pending, error } = rest;
  const tries = run.state?.type === "waiting" ? run.state.tries : 0;
  const next: Waiting = {
    type: "waiting",
    reason: "agent",
    message: `agent ${agent.name} cannot plan the launch: ${messageOf(error)}`,
    until: plus(timestamp(app.now()), backoff(tries, app.random())),
    tries: tries + 1,
    agent: agent.name,
    ...(pending === undefined ? {} : { pending }),
    ...kept(run.state),
  };
  return { event: "wait", next, place: app.place };
}

/** The launch that a run goes on with because its platform never looked at it, if it is for the same agent. */
function pendingLaunch(state: RunState | undefined, agent: Agent): Launch | undefined {
  if (state?.type !== "waiting" || state.pending?.agent !== agent.name) return undefined;
  return state.pending;
}

/** What a run that waits on must not forget of the platforms that have refused it. */
function kept(state: RunState | undefined): Pick<Waiting, "refused" | "refusals"> {
  if (state?.type !== "waiting") return {};
  const { refused, refusals } = state;
  return {
    ...(refused === undefined ? {} : { refused }),
    ...(refusals === undefined ? {} : { refusals }),
  };
}

interface OnAgent {
  readonly agent: Agent;
  readonly request: RunRequest;
  readonly pending: Launch | undefined;
}

async function launchOn(app: App, run: Candidate, on: OnAgent): Promise<Decision> {
  const { agent, request, pending } = on;
  const job = await jobOfRefused(app, run);
  if (job !== undefined) return job;
  const launch = pending?.launch ?? run.launches + 1;
  const backend = await app.backend(agent);
  const plan = await backend.plan(launchRequest(run, request, { agent, launch }));
  refuseLongTarget(plan);
  // Nothing binds a launch to its old target if the platform there never looked at it.
  if (pending !== undefined && pending.target !== plan.target) {
    return launchOn(app, run, { ...on, pending: undefined });
  }
  for (const warning of plan.warnings) app.log.warn("launch planned", { runId: run.id, warning });
  const now = timestamp(app.now());
  const { refusals } = kept(run.state);
  const next: Launching = {
    type: "launching",
    agent: agent.name,
    target: plan.target,
    launch,
    first: now,
    by: app.newId(),
    until: plus(now, app.launchLeaseMs),
    tries: run.state?.type === "waiting" ? run.state.tries : 0,
    ...(refusals === undefined ? {} : { refusals }),
  };
  return { event: "launch", next, plan };
}

/** A run may name its own cluster or namespace, and the state that is written before the launch holds it. */
function refuseLongTarget({ target }: LaunchPlan): void {
  if (brief(target) === target) return;
  const message = `the name of its target takes ${MOST_BYTES} bytes at most, got ${show(target)}`;
  throw new PermanentError("invalid", message);
}

/** A platform may have started a job although it said no; a second one must not stand beside it. */
async function jobOfRefused(app: App, run: Candidate): Promise<Decision | undefined> {
  const { refused } = kept(run.state);
  if (refused === undefined || agentNamed(app.agents, refused.agent) === undefined)
    return undefined;
  const job = await findJob(app, await backendOf(app, refused), keyOf(run, refused));
  return job && { event: "observe", next: { type: "submitted", ...refused, job } };
}

/**
 * How a run waits that no agent takes. It stays where it is: two places that read different files would
 * hand it back and forth.
 */
export function waitForSomeAgent(app: App, run: Candidate): Decision & { readonly event: "wait" } {
  const message = whyNoAgent(app.agents, run);
  const until = timestamp(app.now());
  const next: Waiting = {
    type: "waiting",
    reason: "no_agent",
    message,
    until,
    tries: 0,
    ...kept(run.state),
  };
  return { event: "wait", next, place: app.place };
}

/** Leaves a run to the place that works for its agent. */
async function leaveTo(
  app: App,
  run: Candidate,
  { agent, place }: { readonly agent: Agent; readonly place: Place },
): Promise<Decision> {
  const now = timestamp(app.now());
  const host = await app.hosts.get(place, SAID_FOR_MS);
  const next: Waiting = {
    type: "waiting",
    reason: "agent",
    message: waitsForHost(agent.name, host, now),
    until: now,
    tries: 0,
    agent: agent.name,
    ...kept(run.state),
  };
  return { event: "wait", next, place };
}
