/** A list in parts of `size` items, the last one of what is left; no parts of an empty list. */
export function chunks<T>(list: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, index) =>
    list.slice(index * size, (index + 1) * size),
  );
}

/** How large a batch may be. */
export interface BatchLimits<T> {
  /** The most items of a batch. */
  readonly most: number;
  /** The most bytes of its items together; an item that takes more is a batch of its own. */
  readonly mostBytes: number;
  bytesOf(item: T): number;
}

/** A list in batches, each as large as the limits and the order of the list allow; none of an empty list. */
export function batches<T>(
  list: readonly T[],
  { most, mostBytes, bytesOf }: BatchLimits<T>,
): T[][] {
  const made: T[][] = [];
  let room = 0;
  for (const item of list) {
    const bytes = bytesOf(item);
    const last = made.at(-1);
    if (last === undefined || last.length === most || bytes > room) {
      made.push([item]);
      room = mostBytes - bytes;
    } else {
      last.push(item);
      room -= bytes;
    }
  }
  return made;
}
