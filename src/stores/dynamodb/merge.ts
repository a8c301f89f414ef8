/**
 * Merges sources that are in order into one that is, in the order of `compare`. Reads the first of each
 * source at once, and then one ahead of what was taken.
 */
export async function* merge<T>(
  sources: readonly AsyncIterator<T>[],
  compare: (a: T, b: T) => number,
): AsyncGenerator<T, undefined> {
  const heads = await Promise.all(sources.map((source) => source.next()));
  for (;;) {
    const first = smallest(heads, compare);
    const head = heads[first];
    const source = sources[first];
    if (head === undefined || head.done === true || source === undefined) return undefined;
    yield head.value;
    heads[first] = await source.next();
  }
}

/** The index of the source that comes next; -1 if none does. */
function smallest<T>(heads: readonly IteratorResult<T>[], compare: (a: T, b: T) => number): number {
  let best: { readonly index: number; readonly value: T } | undefined;
  for (const [index, head] of heads.entries()) {
    if (head.done === true) continue;
    if (best === undefined || compare(head.value, best.value) < 0) {
      best = { index, value: head.value };
    }
  }
  return best?.index ?? -1;
}
