import type * as Sdk from "@aws-sdk/client-ecs";
import type { World } from "../../backend.ts";
import { messageOf } from "../../errors.ts";
import type { JsonObject } from "../../json.ts";
import { clientSettings, perRegion } from "./clients.ts";
import { NOT_CONNECTED } from "./errors.ts";
import { plain } from "./plain.ts";
import type { TaskView } from "./status.ts";

/** Why ECS did not do, or does not know, a part of what it was asked. */
export interface Failure {
  readonly arn?: string | undefined;
  readonly reason?: string | undefined;
  readonly detail?: string | undefined;
}

/** Tasks and failures, as RunTask and DescribeTasks answer them. */
export interface TasksAnswer {
  readonly tasks: readonly TaskView[];
  readonly failures: readonly Failure[];
}

/** The calls of ECS this backend makes. Each throws what the SDK throws; see `errors.ts`. */
export interface EcsApi {
  /** A definition as AWS describes it, as plain JSON. A family stands for its newest active revision. */
  describeTaskDefinition(region: string, definition: string): Promise<JsonObject>;
  /** Registers a revision and returns its ARN. */
  registerTaskDefinition(region: string, input: JsonObject): Promise<string>;
  runTask(region: string, input: JsonObject, signal: AbortSignal): Promise<TasksAnswer>;
  /** The ARNs of tasks with a mark. ECS lists running and stopped ones apart. */
  listTasks(region: string, query: TaskQuery): Promise<readonly string[]>;
  /** At most 100 tasks, all of one cluster. */
  describeTasks(region: string, cluster: string, tasks: readonly string[]): Promise<TasksAnswer>;
  stopTask(region: string, input: StopInput): Promise<void>;
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
    describeTaskDefinition: async (region, taskDefinition) => {
      const { sdk, client } = await open(region);
      const answer = await client.send(new sdk.DescribeTaskDefinitionCommand({ taskDefinition }));
      return plain(answer.taskDefinition ?? {});
    },
    registerTaskDefinition: async (region, input) => {
      const { sdk, client } = await open(region);
      const typed = input as unknown as Sdk.RegisterTaskDefinitionCommandInput;
      const answer = await client.send(new sdk.RegisterTaskDefinitionCommand(typed));
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
      const answer = await client.send(new sdk.RunTaskCommand(typed), { abortSignal });
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
    describeTasks: async (region, cluster, tasks) => {
      const { sdk, client } = await open(region);
      const answer = await client.send(
        new sdk.DescribeTasksCommand({ cluster, tasks: [...tasks] }),
      );
      return { tasks: answer.tasks ?? [], failures: answer.failures ?? [] };
    },
    stopTask: async (region, input) => {
      const { sdk, client } = await open(region);
      await client.send(new sdk.StopTaskCommand(input));
    },
  };
}

/**
 * Gives the error of an attempt that never reached ECS a name of its own. The SDK does not repeat such an
 * attempt, so a call that fails by this name in its first attempt has certainly done nothing.
 */
function markUnconnected(client: Sdk.ECSClient): void {
  client.middlewareStack.add(
    (next) => async (args) => {
      try {
        return await next(args);
      } catch (error) {
        throw isUnconnected(error) ? notConnected(error) : error;
      }
    },
    { step: "finalizeRequest", priority: "low", name: "sluiceNotConnected" },
  );
}

const CODES = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"]);

function isUnconnected(error: unknown): boolean {
  const { code = "" } = (error ?? {}) as { readonly code?: string };
  return CODES.has(code) || /did not establish a connection/.test(messageOf(error));
}

/** Without the original as its cause, for the SDK would look at that and try again. */
function notConnected(error: unknown): Error {
  const { code } = error as { readonly code?: string };
  const message = `no connection to ECS: ${messageOf(error) || code}`;
  return Object.assign(new Error(message), { name: NOT_CONNECTED });
}
