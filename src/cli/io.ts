import { createColors } from "picocolors";
import { messageOf } from "../errors.ts";

/** What a command reads from and writes to. */
export interface Io {
  /** Writes to standard output; resolves when more may be written. */
  write(text: string): Promise<void>;
  /** Writes a line for people to standard error. */
  note(line: string): void;
  /** Standard input, piece by piece. */
  readonly input: AsyncIterable<Uint8Array>;
  /** Whether standard output is a terminal, so that a line may be written over. */
  readonly isTerminal: boolean;
  /** Width of the terminal, or what a line may have at most in a pipe. */
  readonly columns: number;
  readonly paint: Paint;
  now(): Date;
  /**
   * From now on SIGINT and SIGTERM abort the signal that is returned, with the exit code they stand for
   * as its reason. The second one ends the process at once.
   */
  catchSignals(): AbortSignal;
  /** From now on, output that nobody reads any more, or that cannot be written, does not end the process. */
  keepGoing(): void;
  /** Resolves when everything is written. */
  flush(): Promise<void>;
}

/** Colours a text, or leaves it as it is where colours are not wanted. */
export type Paint = (style: Style, text: string) => string;
export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "blue" | "cyan";

/** What `processIo` takes of a process. */
type Process = Pick<
  NodeJS.Process,
  "stdin" | "stdout" | "stderr" | "env" | "exit" | "on" | "uptime"
>;

const PLAIN_COLUMNS = 200;
/** One press of Ctrl-C may reach a process twice: from its terminal, and from the process around it. */
const SAME_SIGNAL_SECONDS = 0.25;

/**
 * The streams and signals of a process. Output whose reader has gone ends it without an error, and output
 * that cannot be written, such as on a full disk, with one line and exit code 1.
 */
export function processIo(process: Process, isTerminal: boolean): Io {
  const { stdin, stdout, stderr, env } = process;
  let going = false;
  const note = (line: string) => void stderr.write(`${line}\n`);
  stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (going) return;
    if (error.code !== "EPIPE") {
      note(`sluice: standard output cannot be written: ${messageOf(error)}`);
    }
    process.exit(error.code === "EPIPE" ? 0 : 1);
  });
  // What cannot be told here cannot be told anywhere; the work is not worse for it.
  stderr.on("error", () => undefined);
  const colors = createColors(isTerminal && !env["NO_COLOR"] && env["TERM"] !== "dumb");
  return {
    write: (text) => drained(stdout, text),
    note,
    input: stdin,
    isTerminal,
    // A terminal may be resized, and some say they have no width at all.
    get columns() {
      return isTerminal ? stdout.columns || 80 : PLAIN_COLUMNS;
    },
    paint: (style, text) => colors[style](text),
    now: () => new Date(),
    catchSignals: () => catchSignals(process),
    keepGoing: () => {
      going = true;
    },
    flush: () => new Promise((resolve) => stdout.write("", () => resolve())),
  };
}

async function drained(stream: NodeJS.WriteStream, text: string): Promise<void> {
  if (stream.write(text) || stream.destroyed) return;
  await new Promise<void>((resolve) => {
    const done = () => {
      stream.off("drain", done);
      stream.off("close", done);
      resolve();
    };
    stream.on("drain", done);
    stream.on("close", done);
  });
}

function catchSignals(process: Process): AbortSignal {
  const controller = new AbortController();
  let first: number | undefined;
  for (const [signal, code] of [["SIGINT", 130] as const, ["SIGTERM", 143] as const]) {
    process.on(signal, () => {
      const now = process.uptime();
      if (first === undefined) {
        first = now;
        controller.abort(code);
      } else if (now - first > SAME_SIGNAL_SECONDS) {
        process.exit(code);
      }
    });
  }
  return controller.signal;
}
