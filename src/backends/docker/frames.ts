/** One message of a container, as the engine keeps it. */
export interface Frame {
  readonly stream: "stdout" | "stderr";
  /** When it was written, as the engine says: ISO 8601 with nanoseconds. */
  readonly time: string;
  /** The same in whole seconds since 1970. */
  readonly second: number;
  /** Ends with a newline, unless the line goes on in the next frame of its stream or is the last. */
  readonly content: Buffer;
}

/** Eight bytes stand before each message: which stream, three zeros, and its length. */
const HEADER = 8;
const STDERR = 2;
const ENGINE_ERROR = 3;
const SPACE = 0x20;

/** Takes the engine's multiplexed stream, read with timestamps, apart into messages. */
export async function* framesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<Frame> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    while (rest.length >= at + HEADER) {
      const end = at + HEADER + rest.readUInt32BE(at + 4);
      if (rest.length < end) break;
      yield frameOf(rest[at] ?? 0, rest.subarray(at + HEADER, end));
      at = end;
    }
    rest = rest.subarray(at);
  }
}

function frameOf(type: number, message: Buffer): Frame {
  if (type === ENGINE_ERROR) {
    throw new Error(`the engine broke the log off: ${message.toString().trim()}`);
  }
  const space = message.indexOf(SPACE);
  const time = message.subarray(0, Math.max(space, 0)).toString("latin1");
  return {
    stream: type === STDERR ? "stderr" : "stdout",
    time,
    second: Math.floor(Date.parse(time) / 1000) || 0,
    content: message.subarray(space + 1),
  };
}
