import { messageOf } from "../errors.ts";
import type { Client, SubmissionDocument } from "./client.ts";
import type { Context } from "./command.ts";
import type { RunDetail, RunDocument } from "./documents.ts";
import { type Follower, follow, settle } from "./follow.ts";
import { nextLine } from "./next-line.ts";
import { warn, writeJson } from "./output.ts";
import { duration, printable, stateDetail, stateName } from "./text.ts";
import { noteUndispatched } from "./undispatched.ts";

/**
 * Tells what became of a request for a run, and with `--watch` follows it to its end. Resolves to the
 * exit code: without `--watch` 0, with it 0 only if the run succeeded.
 */
export async function tellRun(
  context: Context,
  client: Client,
  { run, created, warnings }: SubmissionDocument,
): Promise<number> {
  const { io, options, settings } = context;
  if (!settings.json) warn(io, warnings);
  if (options["watch"] === true) return watch(context, client, run);
  const settled = await settle(client, run.id, io.now);
  if (settings.json) {
    await writeJson(io, { run: settled, created, warnings });
    return 0;
  }
  const again = created ? "" : " (the same request was made before)";
  await io.write(`${headline(context, settled)}${again}\n`);
  if (!settled.final) await io.write(`${followLine(context, settled)}\n`);
  await noteUndispatched(context, client, run.id);
  return 0;
}

/** Follows a run to its end, or until Ctrl-C, which leaves the run alone. */
async function watch(context: Context, client: Client, run: RunDocument): Promise<number> {
  const { io, settings } = context;
  const signal = io.catchSignals();
  const follower = settings.json
    ? jsonFollower(context)
    : io.isTerminal
      ? terminalFollower(context)
      : plainFollower(context);
  const ended = await follow(client, run.id, { follower, signal });
  if (ended !== undefined) return ended.state === "succeeded" ? 0 : 1;
  io.note(`The run goes on. ${followLine(context, run)}`);
  await noteUndispatched(context, client, run.id);
  return Number(signal.reason);
}

function followLine(context: Context, { id }: RunDocument): string {
  return `Follow it with: ${nextLine(context, `logs -f ${id}`)}`;
}

/** One document for each change and each line. */
function jsonFollower({ io }: Context): Follower {
  const write = (value: object) => writeJson(io, value);
  return {
    line: (line) => write({ type: "log", line }),
    state: (run) => write({ type: "state", run: withoutRequest(run) }),
    noLog: (reason) => write({ type: "no_log", message: messageOf(reason) }),
  };
}

function withoutRequest(run: RunDocument): RunDocument {
  const { request: _, received: __, ...shown } = run as RunDetail;
  return shown;
}

function plainFollower(context: Context): Follower {
  const { io } = context;
  return {
    line: ({ text }) => io.write(`${text}\n`),
    state: (run) => io.write(`${stateLine(context, run)}\n`),
    noLog: async (reason) => io.note(`sluice: ${messageOf(reason)}`),
  };
}

/** As in a pipe, with a last line that is written over while time goes by. */
function terminalFollower(context: Context): Follower {
  const { io } = context;
  const plain = plainFollower(context);
  const clear = "\r\u001B[2K";
  return {
    line: async (line) => {
      await io.write(clear);
      await plain.line?.(line);
    },
    state: async (run) => {
      await io.write(clear);
      await plain.state?.(run);
    },
    idle: (run) => {
      const age = duration(io.now().getTime() - Date.parse(run.since));
      const text = `${run.state} for ${age}`.slice(0, io.columns - 1);
      return io.write(`${clear}${io.paint("dim", text)}`);
    },
    noLog: async (reason) => {
      await io.write(clear);
      await plain.noLog?.(reason);
    },
  };
}

function stateLine(context: Context, run: RunDocument): string {
  const time = context.io.now().toISOString().slice(11, 19);
  return `${context.io.paint("dim", time)} ${headline(context, run)}`;
}

function headline({ io }: Context, run: RunDocument): string {
  const detail = printable(stateDetail(run, io.now()));
  const name = `${io.paint("bold", run.name)} (${run.id})`;
  return `${name} ${stateName(io, run)}${detail === "" ? "" : `: ${detail}`}`;
}
