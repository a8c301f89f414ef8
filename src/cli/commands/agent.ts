import { jsonLogger } from "../../log.ts";
import { hostOnThisMachine } from "../agent-host.ts";
import { argument, type Command } from "../command.ts";

/** Works for one remote agent until it is told to stop, then finishes what is in hand. Jobs go on. */
export const command: Command = async (context) => {
  const { io, settings } = context;
  const stop = io.catchSignals();
  io.keepGoing();
  const host = await hostOnThisMachine(settings, {
    agent: argument(context),
    log: jsonLogger((line) => io.note(line.trimEnd()), io.now),
    show: (_runId, line) => void io.write(`${line}\n`),
  });
  try {
    await host.work(stop);
  } finally {
    host.close();
  }
};
