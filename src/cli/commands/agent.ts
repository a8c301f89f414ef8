import { PermanentError } from "../../errors.ts";
import { argument, type Command } from "../command.ts";

export const command: Command = async (context) => {
  throw new PermanentError(
    "unsupported",
    `the agent ${argument(context)} cannot be worked for from here: remote agents belong to a dispatcher on AWS, which this version does not have; on one machine \`sluice up\` works for every agent`,
  );
};
