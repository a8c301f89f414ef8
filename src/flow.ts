import * as z from "zod";
import { ENGINES } from "./engine.ts";
import type { JsonObject } from "./json.ts";
import { labelList } from "./run-config/labels.ts";

/** JSON objects pass through unread; what is in them belongs to whoever reads them later. */
const object = z.record(z.string(), z.unknown()) as unknown as z.ZodType<JsonObject>;

/** What a flow may be called: up to 400 characters, not blank, none of them a control
 * character or half of a surrogate pair. */
export const flowName = z
  .string()
  .regex(/^(?=.*\S)[^\p{Cc}\p{Cs}]*$/u, "expected a name of visible characters")
  .max(400, "expected at most 400 characters");

const NO_COMMAND = "expected a command, or no such key";

/** A flow as it is written in a message or registered. */
export const flowSchema = z.object({
  name: flowName.describe("Name of the flow."),
  id: z.string().optional().describe("Prefect's id of the flow."),
  version: z.number().int().nonnegative().optional().describe("Version of the flow."),
  core_version: z
    .string()
    .nullish()
    .describe("Version of Prefect 1 the flow was made with; decides command and default image."),
  command: z
    .union([z.string().min(1, NO_COMMAND), z.array(z.string()).min(1, NO_COMMAND)], {
      error: "expected text or a list of texts",
    })
    .optional()
    .describe(
      "What to run: a list as it is, a text by a shell. Replaces the engine's own command.",
    ),
  engine: z
    .enum(ENGINES)
    .optional()
    .describe("What executes the flow. Default: command, orion or prefect1, see docs/flows.md."),
  storage: object.nullish().describe("Prefect 1 storage; Docker storage names the image."),
  run_config: object.nullish().describe("The run config of its runs unless they bring their own."),
  environment: z
    .object({ labels: labelList.nullish() })
    .nullish()
    .describe("What flows had before run configs; its labels count where there is no run config."),
  parameters: object.optional().describe("Default parameters of its runs."),
});

/** A named, versioned thing to execute. */
export type Flow = z.infer<typeof flowSchema>;
