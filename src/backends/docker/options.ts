import * as z from "zod";
import { secretSchema } from "../../config.ts";
import { addressOf } from "./address.ts";

const baseUrl = z.string().superRefine((url, context) => {
  const address = addressOf(url);
  if (typeof address === "string") context.addIssue({ code: "custom", message: address });
});

const registryAuth = z.strictObject({
  username: z.string().describe("Name to sign in with."),
  password: z
    .union([z.string(), secretSchema])
    .describe("Password or token; better a reference to a secret than text."),
});

/** What an agent of the backend `docker` may set beside the keys all agents have. */
export const agentOptions = z.strictObject({
  base_url: baseUrl
    .optional()
    .describe(
      "Where the engine listens: unix://, npipe://, tcp://, http:// or https://. Default: unix:///var/run/docker.sock, on Windows npipe:////./pipe/docker_engine. DOCKER_HOST is not read.",
    ),
  no_pull: z
    .boolean()
    .default(false)
    .describe("Never pulls an image, whatever a run asks for. Default: false."),
  volumes: z
    .array(z.string())
    .default([])
    .describe(
      "Mounted into every container: PATH, OUTSIDE:INSIDE or OUTSIDE:INSIDE:MODE; a name outside is a volume, made if it is missing.",
    ),
  networks: z
    .array(z.string().min(1))
    .default([])
    .describe(
      "Networks every container joins: the first when it is made, the others before it starts.",
    ),
  reg_allow_list: z
    .array(z.string())
    .default([])
    .describe(
      "The only registries images are pulled from: the part of an image before its first slash. Empty: all.",
    ),
  registry_auth: z
    .record(z.string(), registryAuth)
    .default({})
    .describe(
      "How to sign in to registries, by host such as registry.example.com:5000 or docker.io.",
    ),
  show_flow_logs: z
    .boolean()
    .default(false)
    .describe(
      "Whether what runs write is also shown where the agent runs in the foreground. Default: false.",
    ),
  docker_client_timeout: z
    .number()
    .positive()
    .default(60)
    .describe("How many seconds an answer of the engine may take. Default: 60."),
  stop_seconds: z
    .number()
    .int()
    .nonnegative()
    .default(10)
    .describe(
      "How many seconds a cancelled container has between SIGTERM and SIGKILL. Default: 10.",
    ),
});

/** The options of an agent, with their defaults. */
export type DockerOptions = z.infer<typeof agentOptions>;
