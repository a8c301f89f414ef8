import type * as Sdk from "@aws-sdk/client-ecs";
import type { World } from "../../backend.ts";
import { asJson, type JsonObject } from "../../json.ts";
import { markUnconnected, sendWatched } from "./attempts.ts";
import { clientSettings, perRegion } from "./clients.ts";
import type { Failure } from "./errors.ts";
import type { ClusterRef } from "./names.ts";
import type { TaskView } from "./status.ts";

/** Tasks and failures, as RunTask and DescribeTasks answer them. */
export interface TasksAnswer {
  readonly tasks: readonly TaskView[];
  readonly failures: readonly Failure[];
}

/** The calls of ECS this backend makes. Each throws what the SDK throws; see `errors.ts`. */
export interface EcsApi {
  /** A definition as AWS describes it, as plain JSON. A family stands for its newest active revision. */
  describeTaskDefinition(region: string, definition: string, within?: Within): Promise<JsonObject>;
  /** Registers a revision and returns its ARN. */
  registerTaskDefinition(region: string, input: JsonObject, within?: Within): Promise<string>;
  runTask(region: string, input: JsonObject, signal: AbortSignal): Promise<TasksAnswer>;
  /** The ARNs of tasks with a mark. ECS lists running and stopped ones apart. */
  listTasks(region: string, query: TaskQuery): Promise<readonly string[]>;
  /** At most 100 tasks, all of one cluster. */
  describeTasks(where: ClusterRef, tasks: readonly string[], within?: Within): Promise<TasksAnswer>;
  stopTask(region: string, input: StopInput): Promise<void>;
}

/** How long a call may take. */
export interface Within {
  /** Nothing is sent once it is aborted. */
  readonly abortSignal: AbortSignal;
  /** For each attempt, in milliseconds. Default: 30,000. */
  readonly requestTimeout: number;
}

/** With `startedBy` ECS takes no other filter. */
export interface TaskQuery {
  readonly cluster: string;
  readonly startedBy: string;
  readonly desiredStatus: "RUNNING" | "STOPPED";
}

export interface StopInput {
  readonly cluster: string;
  readonly task: string;
  readonly reason: string;
}

/** ECS through the official SDK, which is loaded with the first call. */
export function ecsApi(env: World["env"]): EcsApi {
  const open = perRegion(async (region) => {
    const sdk = await import("@aws-sdk/client-ecs");
    const client = new sdk.ECSClient(clientSettings(env, "ECS", region));
    markUnconnected(client);
    return { sdk, client };
  });
  return { ...definitionCalls(open), ...taskCalls(open) };
}

type Open = (
  region: string,
) => Promise<{ readonly sdk: typeof Sdk; readonly client: Sdk.ECSClient }>;

type DefinitionCalls = Pick<EcsApi, "describeTaskDefinition" | "registerTaskDefinition">;

function definitionCalls(open: Open): DefinitionCalls {
  return {
    describeTaskDefinition: async (region, taskDefinition, within) => {
      const { sdk, client } = await open(region);
      const command = new sdk.DescribeTaskDefinitionCommand({ taskDefinition });
      const answer = await client.send(command, within);
      return asJson(answer.taskDefinition ?? {});
    },
    registerTaskDefinition: async (region, input, within) => {
      const { sdk, client } = await open(region);
      const typed = input as unknown as Sdk.RegisterTaskDefinitionCommandInput;
      const answer = await client.send(new sdk.RegisterTaskDefinitionCommand(typed), within);
      const arn = answer.taskDefinition?.taskDefinitionArn;
      if (arn === undefined) throw new Error("RegisterTaskDefinition answered without an ARN");
      return arn;
    },
  };
}

function taskCalls(open: Open): Omit<EcsApi, keyof DefinitionCalls> {
  return {
    runTask: async (region, input, abortSignal) => {
      const { sdk, client } = await open(region);
      const typed = input as unknown as Sdk.RunTaskCommandInput;
      const command = new sdk.RunTaskCommand(typed);
      const answer = await sendWatched(command, () => client.send(command, { abortSignal }));
      return { tasks: answer.tasks ?? [], failures: answer.failures ?? [] };
    },
    listTasks: async (region, query) => {
      const { sdk, client } = await open(region);
      const arns: string[] = [];
      for await (const page of sdk.paginateListTasks({ client }, query)) {
        arns.push(...(page.taskArns ?? []));
      }
      return arns;
    },
    describeTasks: async ({ region, cluster }, tasks, within) => {
      const { sdk, client } = await open(region);
      const command = new sdk.DescribeTasksCommand({ cluster, tasks: [...tasks] });
      const answer = await client.send(command, within);
      return { tasks: answer.tasks ?? [], failures: answer.failures ?? [] };
    },
    stopTask: async (region, input) => {
      const { sdk, client } = await open(region);
      await client.send(new sdk.StopTaskCommand(input));
    },
  };
}
