import {
  checkAgainstDefinition,
  checkRunTask,
  type Definition,
  type Json,
  type RunTaskInput,
  refuse,
} from "./ecs-rules.ts";
import { wordsOf } from "./words.ts";

const HOUR = 3_600_000;

/** A task as DescribeTasks answers it. */
export interface TaskJson {
  readonly taskArn: string;
  readonly clusterArn: string;
  readonly taskDefinitionArn: string;
  readonly startedBy: string | undefined;
  readonly overrides: Json | null;
  readonly createdAt: number;
  readonly launchType?: string;
  readonly capacityProviderName?: string;
  lastStatus: string;
  desiredStatus: string;
  version: number;
  startedAt?: number;
  stoppedAt?: number;
  stopCode?: string;
  stoppedReason?: string;
  tags: readonly Json[];
  containers: readonly ContainerJson[];
}

export interface ContainerJson {
  readonly name: string | undefined;
  readonly lastStatus?: string;
  readonly exitCode?: number;
  readonly reason?: string;
}

/** How a test ends a task. */
export interface TaskEnd {
  /** Of the flow's container. */
  readonly exitCode?: number;
  readonly reason?: string;
  readonly stopCode?: string;
  readonly stoppedReason?: string;
  /** Instead of all containers there were. */
  readonly containers?: readonly ContainerJson[];
}

/** A task of the fake, and what only the fake knows of it. */
export interface FakeTask {
  readonly view: TaskJson;
  readonly cluster: string;
  readonly createdAt: number;
  stoppedAt?: number;
  readonly command: readonly string[];
  readonly definition: Definition;
  /** A step of its life is due; set by StopTask. */
  stopping?: boolean;
}

interface Bound {
  readonly parameters: string;
  readonly tasks: readonly FakeTask[];
  readonly failures: readonly Json[];
  readonly at: number;
}

/** What the tasks of the fake need of the rest of it. */
export interface Surroundings {
  now(): number;
  /** So long a new task is in no answer. */
  lagMs(): number;
  definition(name: string): Definition | undefined;
  clusters: ReadonlySet<string>;
  /** What becomes of a task's overrides. */
  overrides(): "kept" | "dropped" | "not echoed";
  account: string;
  region: string;
  wrote(definition: Definition, taskId: string, lines: readonly string[]): void;
}

interface ListInput {
  readonly cluster?: string;
  readonly startedBy?: string;
  readonly desiredStatus?: string;
  readonly nextToken?: string;
  readonly maxResults?: number;
}

interface DescribeInput {
  readonly cluster?: string;
  readonly tasks: readonly string[];
  readonly include?: readonly string[];
}

interface StopInput {
  readonly cluster?: string;
  readonly task: string;
  readonly reason?: string;
}

/** Tasks with ECS's rules: tokens and their lifetime, lagging answers, a memory of one hour. */
export function fakeTasks(around: Surroundings) {
  const tasks: FakeTask[] = [];
  const tokens = new Map<string, Bound>();
  let serial = 0;

  const clusterOf = (given: string = "default") => {
    const name = given.slice(given.lastIndexOf("/") + 1);
    if (!around.clusters.has(name)) refuse("ClusterNotFoundException", "Cluster not found.");
    return name;
  };

  /** A token lives for a day, or for an hour after the last of its tasks has stopped. */
  const boundTo = (key: string) => {
    const bound = tokens.get(key);
    if (bound === undefined) return undefined;
    const ended = bound.tasks.map(({ stoppedAt }) => stoppedAt ?? Number.POSITIVE_INFINITY);
    const until = Math.min(bound.at + 24 * HOUR, Math.max(...ended, 0) + HOUR);
    return bound.tasks.length > 0 && around.now() > until ? undefined : bound;
  };

  const replay = ({ tasks: bound, failures }: Bound) => ({
    tasks: bound.map(({ view }) =>
      view.lastStatus === "STOPPED"
        ? {
            taskArn: view.taskArn,
            lastStatus: view.lastStatus,
            desiredStatus: view.desiredStatus,
          }
        : view,
    ),
    failures,
  });

  const start = (input: RunTaskInput, cluster: string, definition: Definition): FakeTask => {
    const id = (++serial).toString(16).padStart(32, "0");
    const arn = `arn:aws:ecs:${around.region}:${around.account}`;
    const fate = around.overrides();
    const bare = definition.containerDefinitions?.map(({ name }) => ({ name }));
    const overrides =
      fate === "dropped" ? { containerOverrides: bare ?? [] } : (input.overrides ?? {});
    const command = overrides.containerOverrides?.find(({ name }) => name === "flow") as
      | { readonly command?: readonly string[] }
      | undefined;
    const view: TaskJson = {
      taskArn: `${arn}:task/${cluster}/${id}`,
      clusterArn: `${arn}:cluster/${cluster}`,
      taskDefinitionArn: definition.taskDefinitionArn,
      startedBy: input.startedBy,
      overrides: fate === "not echoed" ? null : overrides,
      ...placeOf(input),
      lastStatus: "PROVISIONING",
      desiredStatus: "RUNNING",
      version: 1,
      createdAt: around.now() / 1000,
      tags: input.tags ?? [],
      containers: (definition.containerDefinitions ?? []).map(({ name }) => ({
        name,
        lastStatus: "PENDING",
      })),
    };
    const task: FakeTask = {
      view,
      cluster,
      createdAt: around.now(),
      command: command?.command ?? [],
      definition,
    };
    tasks.push(task);
    return task;
  };

  const visible = (task: FakeTask) =>
    around.now() - task.createdAt >= around.lagMs() &&
    (task.stoppedAt === undefined || around.now() - task.stoppedAt < HOUR);

  return {
    tasks,
    runTask(
      input: RunTaskInput,
      failure?: { readonly reason: string; readonly beside: boolean },
    ): Json {
      checkRunTask(input);
      const cluster = clusterOf(input.cluster);
      const key = `${cluster} ${input.clientToken}`;
      const parameters = JSON.stringify(sorted(input));
      const bound = boundTo(key);
      if (bound !== undefined) {
        if (bound.parameters === parameters) return replay(bound);
        const resourceIds = bound.tasks.map(({ view }) => view.taskArn);
        refuse("ConflictException", "The specified client token is in use.", { resourceIds });
      }
      const definition = around.definition(input.taskDefinition);
      if (definition === undefined) refuse("ClientException", "TaskDefinition not found.");
      if (definition.status !== "ACTIVE") refuse("ClientException", "TaskDefinition is inactive");
      checkAgainstDefinition(input, definition);
      const failures = failure === undefined ? [] : [{ reason: failure.reason }];
      const started =
        failure === undefined || failure.beside ? [start(input, cluster, definition)] : [];
      const answer = { parameters, tasks: failure === undefined ? started : [], failures };
      tokens.set(key, { ...answer, at: around.now() });
      return { tasks: answer.tasks.map(({ view }) => view), failures };
    },
    listTasks(input: ListInput): Json {
      const cluster = clusterOf(input.cluster);
      const { startedBy, desiredStatus = "RUNNING", nextToken, maxResults = 100 } = input;
      const known = ["cluster", "startedBy", "desiredStatus", "nextToken", "maxResults"];
      const others = Object.keys(input).filter((key) => !known.includes(key));
      if (startedBy !== undefined && others.length > 0) {
        refuse("InvalidParameterException", "startedBy must be the only filter");
      }
      const found = tasks.filter(
        (task) =>
          task.cluster === cluster &&
          visible(task) &&
          task.view.desiredStatus === desiredStatus &&
          (startedBy === undefined || task.view.startedBy === startedBy),
      );
      const from = Number(nextToken ?? 0);
      const page = found.slice(from, from + Math.min(maxResults, 100));
      const next = from + page.length;
      return {
        taskArns: page.map(({ view }) => view.taskArn),
        ...(next < found.length ? { nextToken: String(next) } : {}),
      };
    },
    describeTasks(input: DescribeInput): Json {
      const cluster = clusterOf(input.cluster);
      const ids = input.tasks;
      if (ids.length > 100) refuse("InvalidParameterException", "Tasks can not be more than 100.");
      if (ids.some((id) => !/^(arn:aws:ecs:[^:]+:\d+:task\/(.*\/)?)?[0-9a-f]{32}$/.test(id))) {
        refuse("InvalidParameterException", "taskId length should be one of [32,36]");
      }
      const found = ids.map((id) =>
        tasks.find(
          (task) =>
            task.cluster === cluster &&
            visible(task) &&
            (task.view.taskArn === id || task.view.taskArn.endsWith(`/${id}`)),
        ),
      );
      const includesTags = (input.include ?? []).includes("TAGS");
      return {
        tasks: found.flatMap((task) => {
          if (task === undefined) return [];
          const { tags, ...view } = task.view;
          return [includesTags ? { ...view, tags } : view];
        }),
        failures: ids
          .filter((_, index) => found[index] === undefined)
          .map((arn) => ({ arn, reason: "MISSING" })),
      };
    },
    stopTask(input: StopInput): Json {
      const cluster = clusterOf(input.cluster);
      const task = tasks.find(
        (candidate) =>
          candidate.cluster === cluster &&
          visible(candidate) &&
          candidate.view.taskArn === input.task,
      );
      if (task === undefined) {
        refuse("InvalidParameterException", "The referenced task was not found.");
      }
      if (task.view.lastStatus !== "STOPPED") {
        Object.assign(task.view, {
          desiredStatus: "STOPPED",
          stopCode: "UserInitiated",
          stoppedReason: input.reason ?? "Task stopped by user",
          tags: [],
        });
        task.stopping = true;
      }
      return { task: task.view };
    },
    /** Ends a task as a test says. */
    end(task: FakeTask, end: TaskEnd): void {
      const { exitCode, reason, containers, ...rest } = end;
      task.stoppedAt = around.now();
      Object.assign(task.view, {
        lastStatus: "STOPPED",
        desiredStatus: "STOPPED",
        stoppedAt: around.now() / 1000,
        version: task.view.version + 1,
        ...rest,
        containers:
          containers ??
          task.view.containers.map((container) => ({
            ...container,
            lastStatus: "STOPPED",
            ...(container.name === "flow" ? { exitCode, reason } : { exitCode: 0 }),
          })),
      });
    },
    /** Takes every task one step further. */
    tick(): void {
      for (const task of tasks) step(task, around, (end) => this.end(task, end));
    },
  };
}

/** What a task runs on. With several providers this fake takes the first. */
function placeOf({ launchType, capacityProviderStrategy }: RunTaskInput) {
  const [first] = capacityProviderStrategy ?? [];
  return {
    ...(launchType === undefined ? {} : { launchType }),
    ...(first === undefined ? {} : { capacityProviderName: first.capacityProvider }),
  };
}

function step(task: FakeTask, around: Surroundings, end: (end: TaskEnd) => void): void {
  const { view, command } = task;
  if (view.lastStatus === "STOPPED") return;
  if (task.stopping) return end({ exitCode: 143 });
  const next: Readonly<Record<string, string>> = {
    PROVISIONING: "PENDING",
    PENDING: "RUNNING",
    RUNNING: "DEPROVISIONING",
  };
  const [verb, ...rest] = wordsOf(command);
  if (view.lastStatus === "RUNNING" && verb === "sleep") return;
  if (view.lastStatus === "DEPROVISIONING") {
    return end({
      exitCode: verb === "exit" ? Number(rest[0]) : 0,
      stopCode: "EssentialContainerExited",
      stoppedReason: "Essential container in task exited",
    });
  }
  view.lastStatus = next[view.lastStatus] ?? view.lastStatus;
  view.version += 1;
  if (view.lastStatus === "RUNNING") {
    view.startedAt = around.now() / 1000;
    const taskId = view.taskArn.slice(view.taskArn.lastIndexOf("/") + 1);
    if (verb === "print") around.wrote(task.definition, taskId, rest);
  }
}

/** With its keys in order, so that equal parameters have equal text. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => [key, sorted(member)]),
  );
}
