import { type Agent, agentNamed } from "./agent.ts";
import type { App } from "./app.ts";
import type { Backend, World } from "./backend.ts";
import { isFinal, type Job, type LaunchKey, type Run } from "./run.ts";

/** The backend of the agent a state names. Throws if the agent is no longer in `sluice.yml`. */
export async function backendOf(app: App, state: { readonly agent: string }): Promise<Backend> {
  return app.backend(namedAgent(app, state));
}

/** The agent a state names. Throws if it is no longer in `sluice.yml`. */
export function namedAgent(app: App, { agent: name }: { readonly agent: string }): Agent {
  const agent = agentNamed(app.agents, name);
  if (agent === undefined) throw new Error(`agent ${name} is no longer in sluice.yml: put it back`);
  return agent;
}

/** The key of a launch. */
export function keyOf(
  run: Pick<Run, "id">,
  { launch, target }: { readonly launch: number; readonly target: string },
): LaunchKey {
  return { runId: run.id, launch, target };
}

/** The job of a launch, if the platform knows one. More than one is a fault worth a loud line. */
export async function findJob(
  app: App,
  backend: Backend,
  key: LaunchKey,
): Promise<Job | undefined> {
  const jobs = await backend.find(key);
  if (jobs.length > 1) {
    app.log.error("several jobs found for one launch", { ...key, jobs: jobs.map(({ id }) => id) });
  }
  return jobs[0];
}

/** Tells backends which launches are over: their run has ended, or has been launched anew. */
export function isOverIn({ get }: Pick<App["store"], "get">): NonNullable<World["isOver"]> {
  return async (runId, launch) => {
    const run = await get(runId);
    return run !== undefined && (isFinal(run.state) || run.launches > launch);
  };
}
