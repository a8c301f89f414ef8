import { boundedMap } from "./bounded.ts";

/** The most answers kept at a time; beyond it the oldest goes. */
const MAX_ENTRIES = 1_000;

/** Answers that are remembered. */
export interface Remembered<T> {
  /** The answer for a key, asked for unless it is known. */
  readonly get: (key: string) => Promise<T>;
  /** The answer for a key if it is known, however old. */
  readonly peek: (key: string) => Promise<T> | undefined;
}

/**
 * Remembers what `read` answers for a key. Whoever asks while an answer is on its way waits for that
 * one; a failure is not remembered. `lifetimeMs` says for how long an answer counts, by its key.
 */
export function remember<T>(
  read: (key: string) => Promise<T>,
  { now, lifetimeMs }: { readonly now: () => Date; readonly lifetimeMs: (key: string) => number },
): Remembered<T> {
  const entries = boundedMap<Entry<T>>(MAX_ENTRIES);
  const ask = (key: string, time: number) => {
    const value = read(key);
    const entry = { value, until: time + lifetimeMs(key) };
    entries.put(key, entry);
    value.catch(() => {
      if (entries.get(key) === entry) entries.delete(key);
    });
    return value;
  };
  return {
    get: (key) => {
      const time = now().getTime();
      const known = entries.get(key);
      return known !== undefined && known.until > time ? known.value : ask(key, time);
    },
    peek: (key) => entries.get(key)?.value,
  };
}

interface Entry<T> {
  readonly value: Promise<T>;
  /** From this moment on it is asked for again. */
  readonly until: number;
}
