/**
 * The results of `work` on each item, in the order of the items, with up to `limit` at work at a time.
 * An item is only taken from the source when there is room, a result is there as soon as those before it
 * are, and whoever reads slowly slows the source down.
 */
export async function* inOrder<T, R>(
  source: AsyncIterable<T>,
  limit: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const items = source[Symbol.asyncIterator]();
  const next = async () => ({ item: await items.next() });
  const atWork: Promise<{ readonly result: R }>[] = [];
  let coming: ReturnType<typeof next> | undefined = next();
  while (coming !== undefined || atWork.length > 0) {
    const oldest = atWork[0];
    const room = coming !== undefined && atWork.length < limit;
    const first = await Promise.race([
      ...(oldest === undefined ? [] : [oldest]),
      ...(room && coming !== undefined ? [coming] : []),
    ]);
    if ("result" in first) {
      void atWork.shift();
      yield first.result;
    } else if (first.item.done) {
      coming = undefined;
    } else {
      atWork.push(work(first.item.value).then((result) => ({ result })));
      coming = next();
    }
  }
}
