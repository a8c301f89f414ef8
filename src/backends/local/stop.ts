import type { World } from "../../backend.ts";
import { between, SECOND, timestamp } from "../../time.ts";
import { signalGroup, startStopper } from "./api.ts";
import { markStop, readTrace, type Trace } from "./folder.ts";

/** How long past its time a process is left to its stopper; then whoever asks again kills it. */
const STOPPER_LATE_MS = 5 * SECOND;

/**
 * Asks the process of a folder, and all its children, to end with SIGTERM, and sees to it that SIGKILL
 * follows after `seconds`, even if this process ends before. Asking again changes nothing, unless they
 * still live when all should be over. False if the folder has no trace of a process.
 */
export async function stopProcess(folder: string, seconds: number, world: World): Promise<boolean> {
  const trace = await readTrace(folder);
  if (trace === undefined) return false;
  if (trace.exitCode === undefined && trace.alive)
    await stopAlive(folder, { trace, seconds, world });
  return true;
}

async function stopAlive(
  folder: string,
  {
    trace,
    seconds,
    world,
  }: { readonly trace: Trace; readonly seconds: number; readonly world: World },
): Promise<void> {
  const { guard, stopAskedAt } = trace;
  const now = timestamp(world.now());
  if (stopAskedAt !== undefined) {
    const late = between(stopAskedAt, now) > seconds * SECOND + STOPPER_LATE_MS;
    if (late) signalGroup(guard.pid, "SIGKILL");
    return;
  }
  if (!(await markStop(folder, now))) return;
  signalGroup(guard.pid, "SIGTERM");
  startStopper(guard.pid, seconds);
}
