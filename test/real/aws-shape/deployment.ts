import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { CreateClusterCommand, ECSClient } from "@aws-sdk/client-ecs";
import { hashOf } from "../../../src/http/tokens.ts";
import type { JsonObject } from "../../../src/json.ts";
import { openTable } from "../../../src/stores/dynamodb/table.ts";
import { dynamoTokens } from "../../../src/stores/dynamodb/tokens.ts";
import type { Scope } from "../../../src/tokens.ts";
import { leaveOut } from "./left-out.ts";
import { startMoto } from "./moto.ts";
import { startProxy } from "./proxy.ts";
import { remainsOf } from "./remains.ts";
import { type Runtime, startRuntime } from "./runtime/index.ts";
import { copyService, type Service } from "./service.ts";
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
  /**
   * Whether functions are called by nothing but the HTTP API and the test; or by all but schedules, so that
   * there are no ticks. Default: false.
   */
  readonly idle?: boolean | "schedules";
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
  /** Calls of the table with one of these texts in them fail for as long as it is in here. */
  readonly failing: Set<string>;
  /** Variables with which the AWS command line and SDKs find this AWS. */
  readonly env: Readonly<Record<string, string>>;
  /** How the table is called, and how the names of everything else begin. */
  readonly name: string;
  /** The copy of the service that was deployed. */
  readonly folder: string;
  /** Calls `serverless` for this stack, in `folder`. */
  serverless(...args: readonly string[]): Promise<string>;
  /** Lets whoever holds this token call the API. */
  addToken(token: string, scope: Scope): Promise<void>;
  /** A run as the API tells of it. */
  runOf(id: string, token: string): Promise<JsonObject>;
  close(): Promise<void>;
}

const REGION = "eu-west-1";

/** The service, and the stage the framework is called for. */
const NAME = "sluice-test";

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

/**
 * Deploys the service onto a moto of its own with the real framework, and runs what was deployed. The
 * clients of this process find it as well, by its variables: one deployment for one file of tests.
 */
export async function deploy(options: DeployOptions = {}): Promise<Deployed> {
  const ends: (() => Promise<void>)[] = [];
  try {
    return await deployOnto(options, ends);
  } catch (error) {
    await closeAll(ends);
    throw error;
  }
}

/** Deploys; whatever must be ended some time is added to `ends`. */
async function deployOnto(
  { agents = AGENTS, files = { "task.yml": DEFINITION }, params = {}, idle = false }: DeployOptions,
  ends: (() => Promise<void>)[],
): Promise<Deployed> {
  const moto = await startMoto();
  ends.push(moto.close);
  const tasks = tasksOf();
  const emit: Runtime["emit"] = async (event, bus) => runtime?.emit(event, bus);
  let runtime: Runtime | undefined;
  const proxy = await startProxy({ moto: moto.url, tasks, emit });
  ends.push(proxy.close);
  const endpoint = proxy.url;
  const env = variablesFor(endpoint);
  Object.assign(process.env, env);
  const text = typeof agents === "string" ? agents : await agents({ endpoint, region: REGION });
  const service = copyService({ agents: text, files, params, env });
  ends.push(async () => service.remove());
  const { folder, packaged, serverless } = service;
  await serverless("package");
  const leftOut = leaveOut(packaged);
  await serverless("deploy");
  const streams = await leftOut.make(endpoint, REGION);
  await makeCluster(endpoint);
  const shared = { endpoint, region: REGION, env };
  const code = await unpacked(service);
  const names = { folder: code, prefix: `${NAME}-`, minuteMs: MINUTE_MS };
  const started = await startRuntime({ ...shared, ...names, streams, idle });
  runtime = started;
  ends.push(() => removed(shared, serverless), started.close);
  tasks.events.on("task", (detail) => {
    const event = { source: "aws.ecs", "detail-type": "ECS Task State Change", detail };
    started.emit(event).catch((error: unknown) => console.error(error));
  });
  const close = () => closeAll(ends);
  const seen = { runtime: started, tasks, failing: proxy.failing, ...apiAt(started.url, shared) };
  return { ...shared, ...seen, name: NAME, folder, serverless, close };
}

/** Removes the stack, as the docs say. Throws if something was not there before, or is there after that. */
async function removed(aws: Aws, serverless: Service["serverless"]): Promise<void> {
  const before = await remainsOf(aws, NAME);
  const kinds = new Set(before.map((one) => one.split(" ")[0]));
  if (kinds.size !== 4) throw new Error(`deployed were only ${before.join(", ")}`);
  await serverless("remove");
  const after = await remainsOf(aws, NAME);
  if (after.length > 0) throw new Error(`not removed: ${after.join(", ")}`);
}

function variablesFor(endpoint: string): Readonly<Record<string, string>> {
  return {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: REGION,
    AWS_DEFAULT_REGION: REGION,
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
  };
}

/** What can be done with the API. */
function apiAt(url: string, client: Aws): Pick<Deployed, "addToken" | "runOf"> {
  return {
    async addToken(token, scope) {
      const createdAt = new Date().toISOString();
      const table = openTable({ table: NAME, client });
      await dynamoTokens(table).add({ name: "test", scope, hash: hashOf(token), createdAt });
    },
    async runOf(id, token) {
      const headers = { authorization: `Bearer ${token}` };
      return (await (await fetch(`${url}/runs/${id}`, { headers })).json()) as JsonObject;
    },
  };
}

/** The cluster of agents that name none. */
async function makeCluster(endpoint: string): Promise<void> {
  const client = new ECSClient({ endpoint, region: REGION });
  await client.send(new CreateClusterCommand({ clusterName: "default" }));
  client.destroy();
}

/** Unpacks what was deployed, as Lambda does. Where it is. */
async function unpacked({ folder, packaged }: Service): Promise<string> {
  const code = join(folder, "code");
  const unzip = ["-m", "zipfile", "-e", join(packaged, "sluice.zip"), code];
  await promisify(execFile)("python3", unzip);
  return code;
}

/** Ends all, the last first. What one of them throws keeps none of the others from its end. */
async function closeAll(ends: readonly (() => Promise<void>)[]): Promise<void> {
  const errors: unknown[] = [];
  for (const end of ends.toReversed()) await end().catch((error: unknown) => errors.push(error));
  if (errors.length > 0)
    throw new AggregateError(errors, "not all of the deployment could be ended");
}
