import { drain, FULL, take } from "./bucket.ts";

/** Keeps a process below the number of jobs Vertex AI takes in a minute. */
export interface SubmissionLimit {
  readonly perMinute: number;
  /** Takes a token; else the milliseconds until one comes back. */
  take(): number | undefined;
  /** Called when Vertex AI itself says "too often". */
  drain(): void;
}

/** Makes the limit of one opened backend, which lives as long as its process. */
export function submissionLimit(perMinute: number, now: () => Date): SubmissionLimit {
  let bucket = FULL;
  return {
    perMinute,
    take() {
      const result = take(bucket, perMinute, now().getTime());
      bucket = result.bucket;
      return result.taken ? undefined : result.waitMs;
    },
    drain() {
      bucket = drain(perMinute, now().getTime());
    },
  };
}
