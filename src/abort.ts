import { SECOND } from "./time.ts";

/**
 * What `work` comes to, or undefined if `signal` is aborted before that. Work that is late goes on, and
 * nobody learns how it ends. Throws what `work` throws in time.
 */
export function unlessAborted<T>(
  signal: AbortSignal,
  work: Promise<T>,
): Promise<{ readonly value: T } | undefined> {
  return new Promise((resolve, reject) => {
    const stop = () => resolve(undefined);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    void work
      .then((value) => resolve({ value }), reject)
      .finally(() => signal.removeEventListener("abort", stop));
  });
}

/**
 * What `work` comes to, unless `signal` is aborted before that: then it throws the signal's reason, and the
 * work goes on. Does not begin it if the signal was aborted before.
 */
export async function abortable<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  signal.throwIfAborted();
  const done = await unlessAborted(signal, work());
  if (done === undefined) throw signal.reason;
  return done.value;
}

/** What `work` comes to, if it does before `patience`, a signal after `ms` milliseconds, is over. */
export async function inTime<T>(patience: AbortSignal, ms: number, work: Promise<T>): Promise<T> {
  const done = await unlessAborted(patience, work);
  if (done === undefined) throw new Error(`no answer within ${ms / SECOND} seconds`);
  return done.value;
}

/** What a source gives until `signal` is aborted, also if the source hangs. */
export async function* untilAborted<T>(
  signal: AbortSignal,
  source: AsyncIterable<T>,
): AsyncGenerator<T> {
  const iterator = source[Symbol.asyncIterator]();
  try {
    while (!signal.aborted) {
      const step = await unlessAborted(signal, iterator.next());
      if (step === undefined || step.value.done === true) return;
      yield step.value.value;
    }
  } finally {
    // Not waited for: a source that hangs does not end either.
    void iterator.return?.();
  }
}
