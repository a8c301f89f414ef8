import { setTimeout as sleep } from "node:timers/promises";
import type { World } from "../../backend.ts";
import { messageOf } from "../../errors.ts";
import type { Installation } from "../../installation.ts";
import { MINUTE, SECOND } from "../../time.ts";
import type { DockerApi } from "./api.ts";
import { jobOf } from "./job.ts";
import { AGENT, labelsOfInstallation, launchOfLabels } from "./labels.ts";
import { nameOf, statusOf } from "./status.ts";

const LONGEST_WAIT_MS = MINUTE;

/** What is needed of an engine. */
interface Events extends Pick<DockerApi, "target" | "events" | "inspect"> {
  /** The target of launches at this engine. */
  nameTarget(): Promise<string>;
}

/** Lets some milliseconds go by; ends the process's wait for it when the signal is aborted. */
type Pause = (ms: number, signal: AbortSignal) => Promise<void>;

/**
 * Reports the end of an agent's containers as soon as the engine tells it, until the world closes. A
 * stream that breaks is opened again, after pauses that double unless it stood for long; the first
 * break is told. What happens in between is found by `inspect`.
 */
export async function reportEnds(
  api: Events,
  agent: string,
  { observe, installation, closing, log, now, pause = unhurried }: Listening,
): Promise<void> {
  const filters = {
    type: ["container"],
    event: ["die"],
    label: [`${AGENT}=${agent}`, ...labelsOfInstallation(installation)],
  };
  if (observe === undefined) return;
  let wait = SECOND;
  while (!closing.aborted) {
    const opened = now().getTime();
    const failure = await untilBroken(api.events(filters, closing), (line) =>
      reportEnd(api, line, { observe, installation }),
    );
    if (closing.aborted) return;
    if (now().getTime() - opened > LONGEST_WAIT_MS) wait = SECOND;
    if (wait === SECOND)
      log.warn("events of the engine lost", { target: api.target, reason: failure });
    await pause(wait, closing);
    wait = Math.min(wait * 2, LONGEST_WAIT_MS);
  }
}

type Listening = Pick<World, "observe" | "installation" | "closing" | "log" | "now"> & {
  readonly pause?: Pause;
};

/** Takes lines until there are no more, and says why. */
async function untilBroken(
  lines: AsyncIterable<string>,
  take: (line: string) => Promise<void>,
): Promise<string> {
  try {
    for await (const line of lines) await take(line);
    return "the stream ended";
  } catch (error) {
    return messageOf(error);
  }
}

async function unhurried(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal, ref: false }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}

interface Told {
  readonly installation: Installation;
  readonly observe: NonNullable<World["observe"]>;
}

async function reportEnd(
  api: Pick<Events, "nameTarget" | "inspect">,
  line: string,
  { observe, installation }: Told,
): Promise<void> {
  const { Actor } = JSON.parse(line) as {
    readonly Actor?: {
      readonly ID?: string;
      readonly Attributes?: Readonly<Record<string, string>>;
    };
  };
  const launch = launchOfLabels(Actor?.Attributes ?? {}, installation);
  if (launch === undefined || Actor?.ID === undefined) return;
  const container = await api.inspect(Actor.ID);
  if (container === undefined) return;
  const status = statusOf(container.State);
  if (status.type !== "ended") return;
  const job = jobOf({ id: container.Id, name: nameOf(container), target: await api.nameTarget() });
  observe(launch.runId, { launch: launch.launch, job, status });
}
