import type { LaunchAnswer, LaunchPlan, World } from "../../backend.ts";
import { messageOf, PermanentError } from "../../errors.ts";
import type { Installation } from "../../installation.ts";
import type { LaunchKey } from "../../run.ts";
import type { Container } from "./api.ts";
import {
  EngineError,
  hasStatus,
  isMissingImage,
  isNameConflict,
  isRefusal,
  UnreachableError,
} from "./errors.ts";
import { imageMissing, type Pull, pullImage } from "./image.ts";
import { jobOf } from "./job.ts";
import { INSTALLATION, isOwn, type Labels } from "./labels.ts";
import { type PlannedLaunch, plannedLaunch } from "./planned-launch.ts";
import { wasStarted } from "./status.ts";

/** What launching needs beside the plan and its key. */
export interface Launcher extends Pull {
  /** The target of the launch. */
  readonly target: string;
  readonly installation: Installation;
  /** Lets some milliseconds go by. */
  readonly pause: (ms: number) => Promise<void>;
  /** Volumes that must exist before a container uses them. */
  readonly volumes: readonly string[];
  readonly log: World["log"];
}

/**
 * Makes and starts the container of a launch. Its name is the key: the engine makes only one of that
 * name, and one that is there already is adopted if it carries the mark of this launch.
 *
 * An adopted container is started only if it never was: to start one that has ended would run the flow
 * a second time.
 */
export async function launchContainer(
  plan: LaunchPlan,
  key: LaunchKey,
  launcher: Launcher,
): Promise<LaunchAnswer> {
  launcher.signal.throwIfAborted();
  const planned = plannedLaunch(plan.launch);
  try {
    const delayed = await pullImage(planned, launcher);
    if (delayed !== undefined) return delayed;
    await makeVolumes(launcher);
    const made = await create(planned, key, launcher);
    if (made.started) return launched(made.id, planned.name, launcher);
    return await start(made, planned, launcher);
  } catch (error) {
    // Up to the start nothing runs, and a start that did not reach the engine did not happen either.
    if (error instanceof UnreachableError) return { type: "unavailable", message: error.message };
    if (hasStatus(error, 429)) return { type: "throttled", message: messageOf(error) };
    throw error;
  }
}

interface Made {
  readonly id: string;
  readonly started: boolean;
  /** Networks it has joined already. */
  readonly joined: readonly string[];
}

async function makeVolumes({ api, volumes, signal }: Launcher): Promise<void> {
  for (const name of volumes) {
    if (await api.hasVolume(name, signal)) continue;
    const volume = { Name: name, Driver: "local", Labels: { prefect_created: "true" } };
    try {
      await api.createVolume(volume, signal);
    } catch (error) {
      throw forGood("rejected", `the volume ${name}`, error);
    }
  }
}

async function create(planned: PlannedLaunch, key: LaunchKey, launcher: Launcher): Promise<Made> {
  const { api, signal } = launcher;
  try {
    const id = await api.create(planned.name, planned.create, signal);
    return { id, started: false, joined: [] };
  } catch (error) {
    if (isNameConflict(error)) return adopt(planned.name, key, { launcher, cause: error });
    if (isMissingImage(error)) throw imageMissing(planned, api.target, messageOf(error));
    throw forGood("rejected", `the container ${planned.name}`, error);
  }
}

async function adopt(
  name: string,
  key: LaunchKey,
  { launcher, cause }: { readonly launcher: Launcher; readonly cause: unknown },
): Promise<Made> {
  const { api, installation } = launcher;
  const container = await shown(name, launcher);
  if (container === undefined) {
    throw new Error(
      `no container ${name} is shown at ${api.target}, and yet: ${messageOf(cause)}`,
      { cause },
    );
  }
  const labels = container.Config.Labels ?? {};
  if (!isOwn(labels, key, installation)) {
    throw new PermanentError(
      "rejected",
      `the engine at ${api.target} has a container ${name} that is not of launch ${key.launch} of run ${key.runId}${whose(labels)} (${container.Id}): remove or rename it`,
    );
  }
  return {
    id: container.Id,
    started: container.State.Status !== "created",
    joined: Object.keys(container.NetworkSettings?.Networks ?? {}),
  };
}

function whose({ [INSTALLATION]: installation }: Labels): string {
  return installation === undefined ? "" : `, but of the installation ${installation}`;
}

/**
 * A container by its name. The engine takes the name some time before it shows the container, and frees
 * it after it hides it.
 */
async function shown(name: string, launcher: Launcher): Promise<Container | undefined> {
  for (let wait = FIRST_WAIT_MS; wait <= LAST_WAIT_MS; wait *= 2) {
    const container = await look(name, launcher);
    if (container !== undefined) return container;
    await launcher.pause(wait);
  }
  return look(name, launcher);
}

/** A look that fails leaves open whether the container runs, so its error is not that of a launch. */
async function look(id: string, { api, signal }: Launcher): Promise<Container | undefined> {
  try {
    return await api.inspect(id, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw new Error(`it is open whether ${id} runs: ${messageOf(error)}`, { cause: error });
  }
}

/** All waits together are three seconds; an engine makes a container in a tenth of one. */
const FIRST_WAIT_MS = 50;
const LAST_WAIT_MS = 1_600;

async function start(
  made: Made,
  planned: PlannedLaunch,
  launcher: Launcher,
): Promise<LaunchAnswer> {
  const { api, signal } = launcher;
  try {
    for (const network of planned.networks) {
      if (!made.joined.includes(network)) await api.connect(network, made.id, signal);
    }
    await api.start(made.id, signal);
  } catch (error) {
    // Without an answer it is open whether it runs: the next holder of the launch will look.
    if (!(error instanceof EngineError)) throw error;
    return startFailed(made, planned, { error, launcher });
  }
  return launched(made.id, planned.name, launcher);
}

/**
 * What is left of a container that could not be started is removed, so that nothing can start it later.
 * Only then may the run be launched anew: an engine in trouble may have begun a start it calls failed.
 */
async function startFailed(
  { id }: Made,
  { name }: PlannedLaunch,
  { error, launcher }: { readonly error: EngineError; readonly launcher: Launcher },
): Promise<LaunchAnswer> {
  const { api, log } = launcher;
  const container = await look(id, launcher);
  if (container === undefined) throw error;
  if (wasStarted(container.State)) return launched(id, name, launcher);
  const refused = forGood("start_failed", `the container ${name}`, error);
  try {
    await api.remove(id);
  } catch (failure) {
    log.warn("container not removed", { container: name, reason: messageOf(failure) });
    throw refused;
  }
  if (refused instanceof PermanentError) throw refused;
  return {
    type: "refused",
    message: `${api.target} could not start the container: ${error.message}`,
  };
}

function launched(id: string, name: string, { target }: Launcher): LaunchAnswer {
  return { type: "launched", job: jobOf({ id, name, target }) };
}

/** What the engine refuses for good becomes a `PermanentError`; any other error stays as it is. */
function forGood(code: "rejected" | "start_failed", what: string, error: unknown): unknown {
  if (!(error instanceof EngineError) || !isRefusal(error)) return error;
  const message = `the engine refuses ${what} (HTTP ${error.status}): ${error.message}`;
  return new PermanentError(code, message, { cause: error });
}
