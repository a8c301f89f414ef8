import * as z from "zod";
import type { JsonObject } from "../../json.ts";

/** Where jobs run when an agent names no region, as in Prefect. */
export const DEFAULT_REGION = "us-central1";

/** The machine a run gets that asks for none. */
export const DEFAULT_MACHINE_TYPE = "e2-standard-4";

/** What an agent with backend `vertex` may set beside the keys all agents have. */
export const agentOptions = z
  .strictObject({
    project: z
      .string()
      .regex(/^[a-z0-9][a-z0-9.:-]*$/, "expected the id of a Google Cloud project")
      .nullish()
      .describe("Google Cloud project. Default: the one the credentials of the process name."),
    region_name: z
      .string()
      .regex(/^[a-z0-9-]*$/, "expected a region such as europe-west1")
      .nullish()
      .describe("Region in which jobs run. Default: us-central1."),
    service_account: z
      .string()
      .nullish()
      .describe("Service account jobs run as, unless the run names one. Default: Google's own."),
    owner: z
      .string()
      .regex(/^[a-z0-9_-]{1,63}$/, "expected at most 63 small letters, digits, dashes, underscores")
      .optional()
      .describe(
        "Label that tells the jobs of this agent from those of others in the same project. Default: the agent's name.",
      ),
    submissions_per_minute: z
      .int()
      .min(1, "expected at least 1")
      .max(10_000, "expected at most 10000")
      .default(60)
      .describe(
        "Jobs all processes together create in a minute at most; each keeps to its share. Google takes 60 a minute from a project in a region. Default: 60.",
      ),
    transport: z
      .enum(["rest", "grpc"])
      .default("rest")
      .describe("How Vertex AI is spoken to. REST starts faster in a function. Default: rest."),
    api_endpoint: z
      .string()
      .regex(/^(https?:\/\/)?[\w.-]+(:\d+)?$/, "expected HOST, HOST:PORT or a URL without a path")
      .optional()
      .describe(
        "Address of the API. With http:// no credentials are sent: meant for emulators, REST only. Default: REGION-aiplatform.googleapis.com.",
      ),
  })
  .refine(
    ({ transport, api_endpoint }) => transport === "rest" || !api_endpoint?.startsWith("http://"),
    { path: ["transport"], message: "expected rest, as the API's address begins with http://" },
  );

export type VertexAgentOptions = z.infer<typeof agentOptions>;

/** What is in it is checked against the fields of a CustomJob, with the paths of both spellings. */
const mapping = z.record(z.string(), z.unknown()) as unknown as z.ZodType<JsonObject>;

/** What a `VertexRun` may set; a run of any other type gets the defaults. */
export const runOptions = z.looseObject({
  machine_type: z
    .string()
    .nullable()
    .default(DEFAULT_MACHINE_TYPE)
    .describe("Machine of the only worker, unless worker_pool_specs is given."),
  worker_pool_specs: z
    .array(mapping)
    .min(1, "expected at least one worker pool")
    .nullish()
    .describe("All worker pools. The first runs the flow: its container is ours."),
  network: z.string().nullish().describe("Full name of the network the job is peered with."),
  service_account: z.string().nullish().describe("Service account the job runs as."),
  scheduling: mapping.nullish().describe("Time limit, strategy, restarts."),
});

export type VertexRunOptions = z.infer<typeof runOptions>;
