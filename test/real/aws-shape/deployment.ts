import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { CreateClusterCommand, ECSClient } from "@aws-sdk/client-ecs";
import { leaveOut } from "./left-out.ts";
import { startMoto } from "./moto.ts";
import { startProxy } from "./proxy.ts";
import { type Runtime, startRuntime } from "./runtime/index.ts";
import { copyService } from "./service.ts";
import { type Tasks, tasksOf } from "./tasks.ts";

/** What is deployed, where it is not the default. */
export interface DeployOptions {
  /**
   * The text of `sluice.yml`, or what makes it of an AWS in which nothing is deployed yet. Default: one
   * agent `prod` for ECS, without labels.
   */
  readonly agents?: string | ((aws: Aws) => Promise<string>);
  /** Texts of files beside it, by their names. Default: the task definition of `prod`. */
  readonly files?: Readonly<Record<string, string>>;
  /** Parameters of `serverless.yml`. */
  readonly params?: Readonly<Record<string, string>>;
  /** Whether functions are called by nothing but the HTTP API and the test. Default: false. */
  readonly idle?: boolean;
}

/** Where an AWS is. */
export interface Aws {
  readonly endpoint: string;
  readonly region: string;
}

/** A stack that is deployed and at work, on a moto of its own. */
export interface Deployed extends Aws {
  readonly runtime: Runtime;
  readonly tasks: Tasks;
  /** Variables with which the AWS command line and SDKs find this AWS. */
  readonly env: Readonly<Record<string, string>>;
  /** How the table is called, and how the names of everything else begin. */
  readonly name: string;
  /** The copy of the service that was deployed. */
  readonly folder: string;
  /** Calls `serverless` for this stack, in `folder`. */
  serverless(...args: readonly string[]): Promise<string>;
  close(): Promise<void>;
}

const REGION = "eu-west-1";

/** A minute of a schedule, in milliseconds. */
const MINUTE_MS = 1_000;

const AGENTS = `
agents:
  prod:
    backend: ecs
    task_definition_path: task.yml
`;
/** Packaged with the functions: that runs start proves that it was found. */
const DEFINITION = `
cpu: "256"
memory: "512"
networkMode: awsvpc
containerDefinitions:
  - name: flow
    image: registry.example.com/etl:1
`;

/** Deploys the service onto moto with the real framework, and runs what was deployed. */
export async function deploy({
  agents = AGENTS,
  files = { "task.yml": DEFINITION },
  params = {},
  idle = false,
}: DeployOptions = {}): Promise<Deployed> {
  const moto = await startMoto();
  const tasks = tasksOf();
  let runtime: Runtime | undefined;
  const proxy = await startProxy({
    moto: moto.url,
    tasks,
    emit: async (event, bus) => runtime?.emit(event, bus),
  });
  const endpoint = proxy.url;
  const env = {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: REGION,
    AWS_DEFAULT_REGION: REGION,
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
  };
  Object.assign(process.env, env);
  const text = typeof agents === "string" ? agents : await agents({ endpoint, region: REGION });
  const service = copyService({ agents: text, files, params, env });
  const { folder, packaged, serverless } = service;
  await serverless("package");
  const leftOut = leaveOut(packaged);
  await serverless("deploy");
  const streams = await leftOut.make(endpoint, REGION);
  const code = join(folder, "code");
  const unzip = ["-m", "zipfile", "-e", join(packaged, "sluice.zip"), code];
  await promisify(execFile)("python3", unzip);
  await new ECSClient({ endpoint, region: REGION }).send(
    new CreateClusterCommand({ clusterName: "default" }),
  );
  const started = await startRuntime({
    endpoint,
    region: REGION,
    folder: code,
    prefix: "sluice-test-",
    minuteMs: MINUTE_MS,
    env,
    streams,
    idle,
  });
  runtime = started;
  tasks.events.on("task", (detail) => {
    const event = {
      source: "aws.ecs",
      "detail-type": "ECS Task State Change",
      region: REGION,
      detail,
    };
    started.emit(event).catch((error: unknown) => console.error(error));
  });
  return {
    endpoint,
    region: REGION,
    runtime: started,
    tasks,
    env,
    name: "sluice-test",
    folder,
    serverless,
    async close() {
      await started.close();
      await serverless("remove");
      await proxy.close();
      await moto.close();
      service.remove();
    },
  };
}
