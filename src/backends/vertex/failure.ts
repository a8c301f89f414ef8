import { exited } from "../../exit.ts";
import type { Cause, CauseType, FinalType } from "../../run.ts";
import { isNone } from "./none.ts";
import type { VertexJob } from "./status.ts";

type Failure = { readonly end: FinalType; readonly cause: Cause };

/**
 * Why a CustomJob failed. Vertex AI tells it only in the text of the error, so the sentences it is known
 * to write are matched; the code says little (3, "invalid argument", for any exit of a container). Pure.
 *
 * A text about the exit of a replica may go on with the flow's own output, so nothing else is looked for
 * in it. Where no sentence is known, a job that never ran was not started, and one that ran failed.
 */
export function causeOfFailure(job: VertexJob): Failure {
  const text = (job.error?.message ?? "").trim();
  const message = text === "" ? "Vertex AI gives no reason" : shorten(text);
  const exit = EXIT.exec(text);
  if (exit !== null) return exitOf(exit, message);
  const known = SENTENCES.find(({ pattern }) => pattern.test(text));
  if (known !== undefined) return { end: known.end, cause: { type: known.cause, message } };
  return unexplained(job, message);
}

/** `The replica workerpool0-0 exited with a non-zero status of 3. Termination reason: Error.` */
const EXIT =
  /(?<memory>ran out[ -]of[ -]memory and )?exited with a non-zero status(?: code)?(?: of)? (?<status>\d+)(?<signal>\(SIG[A-Z]+\))?(?:\s*\.\s*Termination reason: (?<reason>\w+))?/i;

/** The container engine's words for a process that never ran. */
const NEVER_RAN = new Set(["StartError", "ContainerCannotRun", "CreateContainerError"]);

function exitOf({ groups }: RegExpExecArray, message: string): Failure {
  const { memory, status, signal, reason = "" } = groups ?? {};
  if (NEVER_RAN.has(reason)) return { end: "crashed", cause: { type: "start_failed", message } };
  // `9(SIGKILL)` is the number of a signal, 137 the exit code that stands for it.
  const { end, cause } = exited(Number(status) + (signal === undefined ? 0 : 128));
  if (memory === undefined && reason !== "OOMKilled") return { end, cause: { ...cause, message } };
  return { end, cause: { ...cause, type: "out_of_memory", message } };
}

interface Sentence {
  readonly pattern: RegExp;
  readonly end: FinalType;
  readonly cause: CauseType;
}

const crashed = (cause: CauseType, pattern: RegExp): Sentence => ({
  pattern,
  end: "crashed",
  cause,
});

/** In this order, as one text may hold several. */
const SENTENCES: readonly Sentence[] = [
  crashed("reclaimed", /\bpreempt(ed|ion)\b/i),
  crashed("start_failed", /resources are insufficient|stockout|(out of|not enough) resources/i),
  crashed("start_failed", /exceeds? quota limits?|quota exceeded|resource_?exhausted/i),
  crashed("start_failed", /max(imum)?[ _]?wait[ _]?duration/i),
  crashed(
    "image",
    /\bimage\b.{0,300}(not found|does not exist|cannot be pulled|denied|permission)/is,
  ),
  crashed("image", /(pull|fetch)(ing)? .{0,40}\bimage\b/i),
  crashed("infrastructure", /internal error/i),
  {
    pattern: /timed out|\btime-?out\b|deadline exceeded|maximum (job )?run(ning)? time/i,
    end: "timed_out",
    cause: "deadline",
  },
];

/** Faults of the request: no later try of the same job can go better. */
const REQUEST_FAULTS = new Set([3, 5, 7, 9, 16]);

function unexplained({ error, startTime }: VertexJob, message: string): Failure {
  if (!isNone(startTime)) return { end: "failed", cause: { type: "exit", message } };
  const type = REQUEST_FAULTS.has(error?.code ?? 0) ? "rejected" : "start_failed";
  return { end: "crashed", cause: { type, message } };
}

/** Causes are kept with the state of the run; a traceback is not. */
const LONGEST_MESSAGE = 400;

function shorten(text: string): string {
  return text.length <= LONGEST_MESSAGE ? text : `${text.slice(0, LONGEST_MESSAGE - 1)}…`;
}
