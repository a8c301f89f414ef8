import { setTimeout as sleep } from "node:timers/promises";
import type { World } from "../../backend.ts";
import { messageOf } from "../../errors.ts";
import { MINUTE, SECOND } from "../../time.ts";
import type { DockerApi } from "./api.ts";
import { jobOf } from "./job.ts";
import { AGENT, launchOf } from "./labels.ts";
import { nameOf, statusOf } from "./status.ts";

const LONGEST_PAUSE_MS = MINUTE;

/**
 * Reports the end of an agent's containers as soon as the engine tells it, until the world closes. A stream
 * that breaks is opened again, after pauses that double; what happens in between is found by `inspect`.
 */
export async function reportEnds(
  api: DockerApi,
  agent: string,
  world: Pick<World, "observe" | "closing" | "log">,
): Promise<void> {
  const filters = { type: ["container"], event: ["die"], label: [`${AGENT}=${agent}`] };
  const { observe, closing, log } = world;
  let pause = SECOND;
  if (observe === undefined) return;
  while (!closing.aborted) {
    try {
      for await (const line of api.events(filters, closing)) {
        pause = SECOND;
        await reportEnd(api, line, observe);
      }
    } catch (error) {
      if (closing.aborted) return;
      log.warn("events of the engine lost", { target: api.target, reason: messageOf(error) });
    }
    try {
      await sleep(pause, undefined, { signal: closing, ref: false });
    } catch {
      return;
    }
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  }
}

async function reportEnd(
  api: DockerApi,
  line: string,
  observe: NonNullable<World["observe"]>,
): Promise<void> {
  const { Actor } = JSON.parse(line) as {
    readonly Actor?: {
      readonly ID?: string;
      readonly Attributes?: Readonly<Record<string, string>>;
    };
  };
  const launch = launchOf(Actor?.Attributes ?? {});
  if (launch === undefined || Actor?.ID === undefined) return;
  const container = await api.inspect(Actor.ID);
  if (container === undefined) return;
  const status = statusOf(container.State);
  if (status.type !== "ended") return;
  const job = jobOf({ id: container.Id, name: nameOf(container), target: api.target });
  observe(launch.runId, { launch: launch.launch, job, status });
}
