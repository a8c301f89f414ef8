/** A map from texts that holds no more than so many entries. */
export interface BoundedMap<T> {
  get(key: string): T | undefined;
  /** Puts a value; if that makes too many, the one that was put longest ago goes. */
  put(key: string, value: T): void;
  delete(key: string): void;
}

/** Makes an empty map of at most `most` entries. */
export function boundedMap<T>(most: number): BoundedMap<T> {
  const entries = new Map<string, T>();
  return {
    get: (key) => entries.get(key),
    put(key, value) {
      // A map keeps the order in which its keys came.
      entries.delete(key);
      entries.set(key, value);
      const [oldest] = entries.keys();
      if (entries.size > most && oldest !== undefined) entries.delete(oldest);
    },
    delete: (key) => void entries.delete(key),
  };
}
