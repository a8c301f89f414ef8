import { invalid, PermanentError } from "../errors.ts";
import { MAX_DELAY_SECONDS } from "../queue.ts";

/** The most bytes a body may take: what SQS takes, of one message and of those sent together. */
export const MAX_MESSAGE_BYTES = 1024 * 1024;

/** Throws `PermanentError` ("invalid") for a delay no message can have. */
export function checkDelay(seconds: number): void {
  if (Number.isInteger(seconds) && seconds >= 0 && seconds <= MAX_DELAY_SECONDS) return;
  const message = `expected a whole number of seconds from 0 to ${MAX_DELAY_SECONDS}, got ${seconds}`;
  throw invalid("the delay of a message", [{ path: "", message }]);
}

/** Throws `PermanentError` ("too_large") for a body no queue takes. */
export function checkSize(body: string): void {
  const bytes = Buffer.byteLength(body);
  if (bytes <= MAX_MESSAGE_BYTES) return;
  throw new PermanentError(
    "too_large",
    `a message takes ${bytes} bytes: expected at most ${MAX_MESSAGE_BYTES}; store large parameters elsewhere and pass their address`,
  );
}
