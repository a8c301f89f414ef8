import { invalid } from "../../errors.ts";
import { isJsonObject } from "../../json.ts";
import { argument, type Command } from "../command.ts";
import { readDocument } from "../document.ts";
import { withClient } from "../open.ts";
import { warn, writeJson } from "../output.ts";

export const command: Command = async (context) => {
  const { io, settings } = context;
  const document = await readDocument(context, argument(context));
  if (!isJsonObject(document)) {
    throw invalid(argument(context), [
      { path: "", message: "expected a flow, which is an object with a name" },
    ]);
  }
  await withClient(context, async (client) => {
    const registered = await client.register(document);
    const { flow, created, warnings } = registered;
    if (settings.json) return writeJson(io, registered);
    warn(io, warnings);
    const name = io.paint("bold", flow.name);
    return io.write(
      created
        ? `${name} is registered as version ${flow.version}\n`
        : `${name} is registered already, as version ${flow.version}\n`,
    );
  });
};
