import type { LogPage, World } from "../../backend.ts";
import { messageOf, PermanentError } from "../../errors.ts";
import type { DockerApi } from "./api.ts";
import { EngineError, hasStatus } from "./errors.ts";
import { framesOf } from "./frames.ts";
import type { ContainerRef } from "./job.ts";
import { assembleLines, pageAfter, positionOf } from "./log-page.ts";
import { statusOf } from "./status.ts";

/** Reads a page of what a container has written. Throws `PermanentError` if its log cannot be read. */
export async function readLog(
  api: DockerApi,
  { id, name, target }: ContainerRef,
  { after, signal }: { readonly after: string | undefined; readonly signal: AbortSignal },
): Promise<LogPage> {
  const position = positionOf(after);
  const container = await api.inspect(id, signal);
  const gone = `the container ${name} at ${target} is gone, and its log with it`;
  if (container === undefined) throw new PermanentError("not_found", gone);
  const ended = statusOf(container.State).type === "ended";
  try {
    const frames = framesOf(api.logs(id, { since: String(position.second) }, signal));
    return await pageAfter(position, frames, ended);
  } catch (error) {
    if (hasStatus(error, 404)) throw new PermanentError("not_found", gone, { cause: error });
    if (!isUnreadable(error)) throw error;
    const message = `the log of the container ${name} cannot be read: ${messageOf(error)}`;
    throw new PermanentError("unsupported", message, { cause: error });
  }
}

/** Shows what a container writes, line by line, until it ends or the world closes. */
export async function followLog(
  { show, closing, log }: Pick<World, "show" | "closing" | "log">,
  runId: string,
  { api, id }: { readonly api: DockerApi; readonly id: string },
): Promise<void> {
  if (show === undefined) return;
  const assembly = assembleLines();
  const shown = () => assembly.lines.splice(0).forEach(({ text }) => show(runId, text));
  try {
    for await (const frame of framesOf(api.logs(id, { follow: true }, closing))) {
      assembly.add(frame);
      shown();
    }
    assembly.cut();
    shown();
  } catch (error) {
    if (closing.aborted) return;
    log.warn("output of a run not shown", { runId, reason: messageOf(error) });
  }
}

/** Some log drivers only send away what they are given: 501, or 500 from older engines. */
function isUnreadable(error: unknown): boolean {
  return error instanceof EngineError && /does not support reading/i.test(error.message);
}
