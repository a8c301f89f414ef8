import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  DescribeTaskDefinitionCommand,
  DescribeTasksCommand,
  ECSClient,
  ListTasksCommand,
} from "@aws-sdk/client-ecs";
import Docker from "dockerode";
import type { FakePlatforms } from "../fakes/platforms.ts";
import type { FakeVertex } from "../fakes/vertex.ts";
import type { ExampleMachine } from "./examples-machine.ts";

/** A job as its platform tells of it. */
export interface PlatformJob {
  readonly backend: string;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** All of it, in the platform's own words. */
  readonly raw: unknown;
}

/** Where jobs of the examples may be. */
export interface Places {
  readonly machine: ExampleMachine;
  readonly platforms: FakePlatforms;
  readonly aws: { readonly endpoint: string; readonly region: string };
}

/** The jobs of a run, wherever they are. */
export async function allJobs(
  { machine, platforms: { docker, kubernetes, vertex }, aws }: Places,
  runId: string,
): Promise<PlatformJob[]> {
  return [
    ...localJobs(machine.path, runId),
    ...(await dockerJobs(docker.url, runId)),
    ...(await ecsJobs(aws, ["default", "prod"], runId)),
    ...kubernetesJobs(kubernetes.store.jobs, runId),
    ...vertexJobs(vertex, runId),
  ];
}

/** Processes that were started for a run from data folders somewhere below a folder. */
function localJobs(below: string, runId: string): PlatformJob[] {
  const claims = globSync(`**/runs/${runId}/*/claim`, { cwd: below });
  return claims.map((claim) => {
    const folder = join(below, dirname(claim));
    const raw = JSON.parse(readFileSync(join(folder, "request.json"), "utf8")) as {
      readonly command: readonly string[];
      readonly env: Readonly<Record<string, string>>;
    };
    // Secrets are hidden in the request; what was started tells them.
    const said = readFileSync(join(folder, "output"), "utf8").split("\n");
    return {
      backend: "local",
      command: raw.command,
      env: { ...raw.env, ...environment(said.filter((line) => /^\w+=/.test(line))) },
      raw,
    };
  });
}

/** The engine at `unix://…`, `tcp://…` or `http://…`. */
export function engineAt(address: string): Docker {
  const { protocol, hostname, port, pathname } = new URL(address);
  return new Docker(
    protocol === "unix:"
      ? { socketPath: pathname }
      : { protocol: "http", host: hostname, port: Number(port) },
  );
}

/** Containers of a run, running and ended. */
export async function dockerJobs(address: string, runId: string): Promise<PlatformJob[]> {
  const docker = engineAt(address);
  const found = await docker.listContainers({
    all: true,
    filters: { label: [`sluice.run-id=${runId}`] },
  });
  const all = await Promise.all(found.map(({ Id }) => docker.getContainer(Id).inspect()));
  return all.map((raw) => ({
    backend: "docker",
    command: raw.Config.Cmd,
    env: environment(raw.Config.Env),
    raw,
  }));
}

/** A Job of Kubernetes, as far as it is looked into. */
export interface KubernetesJob {
  readonly metadata: { readonly labels?: Readonly<Record<string, string>> };
  readonly spec: object;
}

interface PodTemplate {
  readonly template: {
    readonly spec: {
      readonly containers: readonly {
        readonly command?: readonly string[];
        readonly args?: readonly string[];
        readonly env?: readonly { readonly name: string; readonly value?: string }[];
      }[];
    };
  };
}

/** The Jobs of a run among all there are. */
export function kubernetesJobs(all: readonly KubernetesJob[], runId: string): PlatformJob[] {
  return all
    .filter(({ metadata }) => metadata.labels?.["sluice/run-id"] === runId)
    .map((raw) => {
      const [flow] = (raw.spec as PodTemplate).template.spec.containers;
      const { command = [], args = [], env = [] } = flow ?? {};
      return {
        backend: "kubernetes",
        command: [...command, ...args],
        env: Object.fromEntries(env.map(({ name, value = "" }) => [name, value])),
        raw,
      };
    });
}

/** The CustomJobs of a run. */
function vertexJobs(vertex: FakeVertex, runId: string): PlatformJob[] {
  return vertex
    .jobs()
    .filter(({ labels }) => labels["sluice_run"] === runId)
    .map((raw) => {
      const { containerSpec = {} } = raw.jobSpec.workerPoolSpecs?.[0] ?? {};
      const { command = [], args = [], env = [] } = containerSpec;
      return {
        backend: "vertex",
        command: [...command, ...args],
        env: Object.fromEntries(env.map(({ name, value }) => [name, value])),
        raw,
      };
    });
}

/** The tasks of a run in some clusters, each with the definition it was made of. */
async function ecsJobs(
  aws: Places["aws"],
  clusters: readonly string[],
  runId: string,
): Promise<PlatformJob[]> {
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  const client = new ECSClient({ ...aws, credentials });
  const jobs = await Promise.all(
    clusters.flatMap((cluster) =>
      (["RUNNING", "STOPPED"] as const).map(async (desiredStatus) => {
        const { taskArns = [] } = await client.send(
          new ListTasksCommand({ cluster, desiredStatus }),
        );
        if (taskArns.length === 0) return [];
        const { tasks = [] } = await client.send(
          new DescribeTasksCommand({ cluster, tasks: taskArns }),
        );
        return tasks.filter(({ startedBy }) => startedBy?.includes(`/${runId}/`));
      }),
    ),
  );
  return Promise.all(
    jobs.flat().map(async (task) => {
      const { taskDefinition } = await client.send(
        new DescribeTaskDefinitionCommand({ taskDefinition: task.taskDefinitionArn }),
      );
      const override = task.overrides?.containerOverrides?.find(({ name }) => name === "flow");
      const { command = [], environment: env = [] } = override ?? {};
      return {
        backend: "ecs",
        command,
        env: Object.fromEntries(env.map(({ name = "", value = "" }) => [name, value])),
        raw: { task, definition: taskDefinition },
      };
    }),
  );
}

/** Variables from lines like `NAME=value`. */
function environment(lines: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    lines.map((line) => {
      const at = line.indexOf("=");
      return [line.slice(0, at), line.slice(at + 1)];
    }),
  );
}
