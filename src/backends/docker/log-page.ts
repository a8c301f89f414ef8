import type { LogLine, LogPage } from "../../backend.ts";
import { PermanentError } from "../../errors.ts";
import type { Frame } from "./frames.ts";

/**
 * A position in a log. Its second lies a little back, since messages of the two streams may be kept in
 * another order than they were written.
 */
export interface LogPosition {
  readonly second: number;
  /** How many messages lie between the start of that second and the position. */
  readonly messages: number;
}

/** The most that is new in a page; a line that is longer is cut. */
const MOST_LINES = 5_000;
const MOST_BYTES = 1024 * 1024;

const NEWLINE = 0x0a;

/** Reads a position as an earlier page gave it; the start of the log if there is none. */
export function positionOf(cursor: string | undefined): LogPosition {
  if (cursor === undefined) return { second: 0, messages: 0 };
  const [, second, messages] = /^(\d{1,15})\/(\d{1,15})$/.exec(cursor) ?? [];
  if (second !== undefined && messages !== undefined) {
    return { second: Number(second), messages: Number(messages) };
  }
  throw new PermanentError(
    "invalid",
    `expected a position in a log as an earlier page gave it, got ${JSON.stringify(cursor)}`,
  );
}

/**
 * The page that follows a position, from messages read from its second on. A line that is still being
 * written waits for its end, unless the container has `ended`, which must have been known before the
 * messages were read.
 */
export async function pageAfter(
  position: LogPosition,
  frames: AsyncIterable<Frame>,
  ended: boolean,
): Promise<LogPage> {
  const counter = counterFrom(position);
  const assembly = assembleLines();
  let skip = position.messages;
  let bytes = 0;
  // The last position at which no line was half written, and how many lines stood before it.
  let whole = { next: cursorOf(position), lines: 0 };
  const upTo = ({ next, lines }: typeof whole): LogPage => ({
    lines: assembly.lines.slice(0, lines),
    next,
    complete: false,
  });
  for await (const frame of frames) {
    counter.pass(frame);
    if (skip > 0) {
      skip -= 1;
      continue;
    }
    assembly.add(frame);
    bytes += frame.content.length;
    if (assembly.isWhole()) whole = { next: counter.cursor(), lines: assembly.lines.length };
    if (bytes < MOST_BYTES && assembly.lines.length < MOST_LINES) continue;
    if (whole.lines > 0) return upTo(whole);
    assembly.cut();
    return { lines: assembly.lines, next: counter.cursor(), complete: false };
  }
  if (!ended) return upTo(whole);
  assembly.cut();
  return { lines: assembly.lines, next: counter.cursor(), complete: true };
}

/** Puts messages together to lines: of each stream on its own. */
export function assembleLines() {
  const lines: LogLine[] = [];
  const open = new Map<Frame["stream"], { readonly time: string; readonly parts: Buffer[] }>();
  const close = (stream: Frame["stream"]) => {
    const line = open.get(stream);
    if (line === undefined) return;
    open.delete(stream);
    const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(Buffer.concat(line.parts));
    lines.push({
      ...(line.time === "" ? {} : { time: line.time }),
      stream,
      text: text.replace(/\r?\n$/, ""),
    });
  };
  return {
    lines,
    add({ stream, time, content }: Frame): void {
      const line = open.get(stream) ?? { time, parts: [] };
      line.parts.push(content);
      open.set(stream, line);
      if (content.at(-1) === NEWLINE) close(stream);
    },
    isWhole: () => open.size === 0,
    /** Ends every line that is half written where it is. */
    cut: () => [...open.keys()].forEach(close),
  };
}

/** Counts the messages of the newest two seconds: the next position is at the start of the first. */
function counterFrom({ second }: LogPosition) {
  let newest = second;
  let [before, within] = [0, 0];
  return {
    pass(frame: Frame): void {
      const { second: at } = frame;
      if (at > newest) [before, within, newest] = [at === newest + 1 ? within : 0, 1, at];
      else if (at === newest) within += 1;
      else if (at === newest - 1) before += 1;
    },
    cursor: () => cursorOf({ second: Math.max(newest - 1, 0), messages: before + within }),
  };
}

function cursorOf({ second, messages }: LogPosition): string {
  return `${second}/${messages}`;
}
