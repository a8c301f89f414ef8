import type { App } from "./app.ts";
import { messageOf } from "./errors.ts";
import { type AgentHost, isLost, unseen, waitsForHost } from "./hosts.ts";
import { move } from "./move.ts";
import { type Cause, type Final, jobOf, type Launch, type Run, type RunState } from "./run.ts";
import { type Timestamp, timestamp } from "./time.ts";

/**
 * Judges the hosts of remote agents by their last sight alone: nobody but a host can ask about its jobs.
 * The runs of a lost host end as `crashed: lost`, those still being launched once their lease is over;
 * those that wait go on waiting and tell since when the host is unseen. A run is written only if that
 * changes it. `signal` ends the work between two runs; the next tick goes on.
 *
 * A final state never changes, so whatever a host that comes back knows better is only logged.
 */
export async function judgeHosts(app: App, signal?: AbortSignal): Promise<void> {
  const now = timestamp(app.now());
  const hosts = await app.hosts.list();
  for (const host of hosts.filter((candidate) => isLost(candidate, now))) {
    for await (const run of app.store.due(now, host.agent)) {
      if (signal?.aborted) return;
      if (!(await judgeGuarded(app, run, host))) break;
    }
  }
}

/** Whether the host is still to be judged, as far as is known. */
async function judgeGuarded(app: App, run: Run, host: AgentHost): Promise<boolean> {
  try {
    return await judge(app, run, host);
  } catch (error) {
    const { agent } = host;
    const reason = messageOf(error);
    app.log.error("run of a lost host not judged", { runId: run.id, agent, reason });
    app.partFailed?.();
    return true;
  }
}

/**
 * Judges a run, unless its host was seen again since it was found lost: then its runs are its own again.
 * It is asked for with every write, for a tick may write for a minute.
 */
async function judge(app: App, run: Run, host: AgentHost): Promise<boolean> {
  const change = changeOf(run, host, timestamp(app.now()));
  if (change === undefined) return true;
  const newest = await app.hosts.get(host.agent);
  if (newest?.lastSeen !== host.lastSeen) return false;
  await move(app, run, change);
  return true;
}

type Change = Pick<Parameters<typeof move>[2], "event" | "next">;

/** What becomes of a run whose host is lost, if that changes it. */
function changeOf({ state }: Run, host: AgentHost, now: Timestamp): Change | undefined {
  switch (state.type) {
    case "scheduled":
      return undefined;
    case "waiting": {
      const message = waitsForHost(host.agent, host, now);
      if (state.reason === "no_agent" || state.message === message) return undefined;
      // Whatever it has waited for before, it waits for its host now.
      return { event: "wait", next: { ...state, reason: "agent", message, tries: 0 } };
    }
    case "launching":
      return { event: "end", next: lost(state, host) };
    case "submitted":
    case "running":
    case "cancelling":
      return { event: "observe", next: lost(state, host) };
    case "succeeded":
    case "failed":
    case "crashed":
    case "timed_out":
    case "cancelled":
      // An index that lags behind may still hold a run that has ended.
      return undefined;
  }
}

type Launched = Extract<RunState, Launch>;

function lost(state: Launched, host: AgentHost): Final {
  const { agent, target, launch } = state;
  const job = jobOf(state);
  const startedAt = "startedAt" in state ? state.startedAt : undefined;
  const subject = job === undefined ? "whether its job was started" : `how ${job.id} ended`;
  const cause: Cause = {
    type: "lost",
    message: `the host of agent ${host.agent} on ${host.machine} is ${unseen(host)}, and nothing says ${subject}`,
  };
  return {
    type: "crashed",
    cause,
    agent,
    target,
    launch,
    ...(job === undefined ? {} : { job }),
    ...(startedAt === undefined ? {} : { startedAt }),
  };
}
