import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { CreateClusterCommand, ECSClient } from "@aws-sdk/client-ecs";
import { startMoto } from "./moto.ts";
import { startProxy } from "./proxy.ts";
import { type Runtime, startRuntime } from "./runtime/index.ts";
import { type Tasks, tasksOf } from "./tasks.ts";

/** A stack that is deployed and at work. */
export interface Deployed {
  readonly endpoint: string;
  readonly region: string;
  readonly runtime: Runtime;
  readonly tasks: Tasks;
  /** Variables with which the AWS command line and SDKs find this AWS. */
  readonly env: Readonly<Record<string, string>>;
  readonly name: string;
  /** Folder with what was packaged and the agents. */
  readonly folder: string;
  /** Calls `serverless` for this stack. */
  serverless(...args: readonly string[]): Promise<string>;
  close(): Promise<void>;
}

const REGION = "eu-west-1";

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
export async function deploy(): Promise<Deployed> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-deploy-"));
  writeFileSync(join(folder, "sluice.yml"), AGENTS);
  writeFileSync(join(folder, "task.yml"), DEFINITION);
  const moto = await startMoto();
  const tasks = tasksOf();
  const proxy = await startProxy(moto.url, tasks);
  const env = {
    AWS_ENDPOINT_URL: proxy.url,
    AWS_REGION: REGION,
    AWS_DEFAULT_REGION: REGION,
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
  };
  Object.assign(process.env, env);
  const serverless = (...args: readonly string[]) => callServerless(args, { folder, env });
  await serverless("package");
  await serverless("deploy");
  await promisify(execFile)("python3", [
    "-m",
    "zipfile",
    "-e",
    join(folder, "out", "sluice.zip"),
    join(folder, "code"),
  ]);
  await new ECSClient({ endpoint: proxy.url, region: REGION }).send(
    new CreateClusterCommand({ clusterName: "default" }),
  );
  const runtime = await startRuntime({
    endpoint: proxy.url,
    region: REGION,
    folder: join(folder, "code"),
    prefix: "sluice-test-",
    minuteMs: 1_500,
    env,
  });
  tasks.events.on("task", (detail) => {
    const event = {
      source: "aws.ecs",
      "detail-type": "ECS Task State Change",
      region: REGION,
      detail,
    };
    runtime.emit(event).catch((error: unknown) => console.error(error));
  });
  return {
    endpoint: proxy.url,
    region: REGION,
    runtime,
    tasks,
    env,
    name: "sluice-test",
    folder,
    serverless,
    async close() {
      await runtime.close();
      await serverless("remove");
      await proxy.close();
      await moto.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function callServerless(
  args: readonly string[],
  { folder, env }: { readonly folder: string; readonly env: Readonly<Record<string, string>> },
): Promise<string> {
  const cli = join("node_modules", "serverless", "bin", "serverless.js");
  const given = [
    ...args,
    "--stage",
    "test",
    "--param",
    `config=${join(folder, "sluice.yml")}`,
    // moto would run the functions by itself, in Docker.
    "--param",
    "enabled=false",
    ...(["package", "deploy"].includes(args[0] ?? "") ? ["--package", join(folder, "out")] : []),
  ];
  const { stdout } = await promisify(execFile)(process.execPath, [cli, ...given], {
    env: { PATH: process.env["PATH"], HOME: folder, SLS_TELEMETRY_DISABLED: "1", ...env },
  });
  return stdout;
}
