import type { LaunchAnswer } from "../../backend.ts";
import { messageOf, PermanentError } from "../../errors.ts";
import type { DockerApi } from "./api.ts";
import { EngineError, type PullFailure, pullFailureOf, UnreachableError } from "./errors.ts";
import type { PlannedLaunch } from "./planned-launch.ts";
import { referenceOf } from "./pull.ts";
import type { Credentials } from "./transport.ts";

/** What is needed to pull an image. */
export interface Pull {
  readonly api: DockerApi;
  readonly signal: AbortSignal;
  /** How to sign in to the registry of an image. */
  credentials(image: string): Promise<Credentials | undefined>;
}

/**
 * Has the engine pull the image of a launch, where its policy says so. Returns an answer if the image
 * is not there yet and may be later; nothing was started then. Throws `PermanentError` ("image") with
 * the engine's words if it cannot be had.
 */
export async function pullImage(
  { image, pull }: Pick<PlannedLaunch, "image" | "pull">,
  by: Pull,
): Promise<LaunchAnswer | undefined> {
  if (pull === "never") return undefined;
  if (pull === "if_not_present" && (await by.api.hasImage(image, by.signal))) return undefined;
  const failure = await pulled(image, by);
  if (failure === undefined) return undefined;
  const message = `the image ${image} could not be pulled: ${failure.words}`;
  if (failure.type === "image") throw new PermanentError("image", message);
  return { type: failure.type, message };
}

/** The error for an image that is not there and is not pulled. */
export function imageMissing(
  { image, pull }: Pick<PlannedLaunch, "image" | "pull">,
  target: string,
  words: string,
): PermanentError {
  const why =
    pull === "never"
      ? "it is not pulled: no_pull, an image_pull_policy of NEVER, or a name without a slash in a run config of Prefect 1"
      : "it was removed right after it was pulled";
  return new PermanentError(
    "image",
    `the engine at ${target} has no image ${image}, and ${why}: ${words}`,
  );
}

interface Failure {
  readonly type: PullFailure;
  readonly words: string;
}

/** Why an image was not pulled; undefined when it was. */
async function pulled(image: string, by: Pull): Promise<Failure | undefined> {
  const { name, tag, digest } = referenceOf(image);
  const query = { fromImage: name, tag: digest ?? tag ?? "latest" };
  const login = await by.credentials(image);
  try {
    for await (const line of by.api.pull(query, login, by.signal)) {
      const words = failureIn(line);
      if (words !== undefined) return { type: pullFailureOf(words), words };
    }
    return undefined;
  } catch (error) {
    if (by.signal.aborted) return TOO_SLOW;
    if (error instanceof UnreachableError) throw error;
    const words = messageOf(error);
    // Without words of the engine the connection to it broke, and nothing was started by then.
    return { type: error instanceof EngineError ? pullFailureOf(words) : "unavailable", words };
  }
}

/** Layers that have come stay with the engine. */
const TOO_SLOW: Failure = {
  type: "unavailable",
  words: "it takes longer than one launch may; the next try goes on where this one was broken off",
};

/** The engine answers 200 before it pulls, so what goes wrong is told in the stream. */
function failureIn(line: string): string | undefined {
  const progress = JSON.parse(line) as {
    readonly error?: string;
    readonly errorDetail?: { readonly message?: string };
  };
  return progress.error ?? progress.errorDetail?.message;
}
