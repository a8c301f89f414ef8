import * as z from "zod";

/** What an agent of the backend `local` may set. */
export const agentOptions = z.strictObject({
  import_paths: z
    .array(z.string())
    .default([])
    .describe("Directories put at the end of PYTHONPATH of every run, after the agent's own."),
  show_flow_logs: z
    .boolean()
    .default(false)
    .describe("Whether what runs write is also shown where the agent runs in the foreground."),
  hostname_label: z
    .boolean()
    .default(false)
    .describe("Whether runs are told this machine's name among the labels of their agent."),
  inherit: z
    .array(z.string().min(1))
    .default([])
    .describe(
      "Names of variables that runs inherit although they may hold credentials; AWS_* names all that start so, * is all.",
    ),
  stop_seconds: z
    .number()
    .int()
    .min(0)
    .max(86_400)
    .default(10)
    .describe("Seconds between SIGTERM and SIGKILL when a run is cancelled. Default: 10."),
  working_dir: z
    .string()
    .min(1)
    .optional()
    .describe("Directory of runs that name none. Default: the one in which the agent was started."),
});

export type LocalOptions = z.infer<typeof agentOptions>;
