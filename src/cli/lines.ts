/** A line, or that it was longer than is kept. */
export type Line = { readonly text: string } | { readonly tooLong: number };

/** Longer lines are counted but not kept: no request may be nearly as long. */
export const LONGEST_LINE = 8 * 1024 * 1024;

/**
 * The lines of a stream of UTF-8, each without the byte order mark that files of some systems begin with.
 * A last line without an end is one too.
 */
export async function* linesOf(
  pieces: AsyncIterable<Uint8Array>,
  longest: number = LONGEST_LINE,
): AsyncGenerator<Line> {
  const decoder = new TextDecoder();
  let kept: Uint8Array[] = [];
  let length = 0;
  const end = (): Line => {
    const line =
      length > longest ? { tooLong: length } : { text: decoder.decode(Buffer.concat(kept)) };
    kept = [];
    length = 0;
    return line;
  };
  const add = (piece: Uint8Array) => {
    length += piece.length;
    if (length > longest) kept = [];
    else kept.push(piece);
  };
  for await (const piece of pieces) {
    let start = 0;
    for (let at = piece.indexOf(NEWLINE); at !== -1; at = piece.indexOf(NEWLINE, start)) {
      add(piece.subarray(start, at));
      yield end();
      start = at + 1;
    }
    if (start < piece.length) add(piece.subarray(start));
  }
  if (length > 0) yield end();
}

const NEWLINE = 0x0a;
