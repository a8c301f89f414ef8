import type { App } from "./app.ts";
import { messageOf } from "./errors.ts";
import { type AgentHost, isLost, unseen, waitsForHost } from "./hosts.ts";
import { move } from "./move.ts";
import type { Cause, Final, Launch, Run, RunState } from "./run.ts";
import { timestamp } from "./time.ts";

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
      try {
        await judge(app, run, host);
      } catch (error) {
        app.log.error("run of a lost host not judged", {
          runId: run.id,
          agent: host.agent,
          reason: messageOf(error),
        });
      }
    }
  }
}

async function judge(app: App, run: Run, host: AgentHost): Promise<void> {
  const { state } = run;
  switch (state.type) {
    case "scheduled":
      return;
    case "waiting": {
      if (state.reason === "no_agent") return;
      const message = waitsForHost(host.agent, host, timestamp(app.now()));
      if (state.message === message) return;
      await move(app, run, { event: "wait", next: { ...state, message } });
      return;
    }
    case "launching":
      await move(app, run, { event: "end", next: lost(state, host) });
      return;
    case "submitted":
    case "running":
    case "cancelling":
      await move(app, run, { event: "observe", next: lost(state, host) });
      return;
    case "succeeded":
    case "failed":
    case "crashed":
    case "timed_out":
    case "cancelled":
      // An index that lags behind may still hold a run that has ended.
      return;
  }
}

type Launched = Extract<RunState, Launch>;

function lost(state: Launched, host: AgentHost): Final {
  const { agent, target, launch } = state;
  const job = "job" in state ? state.job : undefined;
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
