import { isIPv6 } from "node:net";
import { openEmbedded } from "../../embedded/app.ts";
import { runLoop } from "../../embedded/loop.ts";
import { PermanentError } from "../../errors.ts";
import { changeFeed } from "../../http/events.ts";
import { startServer } from "../../http/server.ts";
import { jsonLogger } from "../../log.ts";
import { type Command, type Context, numberOption, textOption, textsOption } from "../command.ts";
import { nextLine } from "../next-line.ts";

const PORT = 4300;

/** Works and serves until it is told to stop, then finishes what is in hand. Jobs go on. */
export const command: Command = async (context) => {
  const { io, settings } = context;
  const address = addressFrom(context);
  const stop = io.catchSignals();
  io.keepGoing();
  const log = jsonLogger((line) => io.note(line.trimEnd()), io.now);
  const changes = changeFeed();
  const embedded = await openEmbedded({
    ...settings,
    log,
    changed: changes.publish,
    show: (_runId, line) => void io.write(`${line}\n`),
  });
  const { app } = embedded;
  try {
    const server = await startServer({ app, ...address, changes });
    const kept = embedded.presence.keep(stop);
    log.info("started", { url: server.url, data: settings.dataFolder, agents: app.agents.length });
    if ((await app.tokens.list()).length === 0) {
      log.warn("no token exists, so the API refuses every request", {
        remedy: nextLine(context, "token create NAME --scope run"),
      });
    }
    await runLoop(embedded, stop);
    await kept;
    log.info("stopping", { reason: "signal" });
    await server.close();
    log.info("stopped");
  } finally {
    embedded.close();
  }
};

function addressFrom({ options }: Context) {
  return {
    host: textOption(options, "host") ?? "127.0.0.1",
    allowHosts: textsOption(options, "allowHost").map(hostName),
    port: numberOption(options, "port", { least: 0, most: 65_535 }) ?? PORT,
  };
}

function hostName(text: string): string {
  if (isIPv6(text) || /^[a-z0-9._-]+$/i.test(text)) return text;
  throw new PermanentError(
    "invalid",
    `--allow-host takes the name or address of a host, without port, got ${JSON.stringify(text)}`,
  );
}
