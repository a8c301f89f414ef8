import { EventEmitter } from "node:events";

export type Json = Record<string, unknown>;

/** How a task is, as far as moto does not say it. */
interface Task {
  readonly arn: string;
  readonly input: Json;
  readonly startedAt: number;
  end?: {
    readonly at: number;
    readonly exitCode?: number;
    readonly stopCode: string;
    readonly reason: string;
  };
}

/** Tasks that do what their command says: `sleep` runs on, `exit N` ends with N, and anything else well. */
export type Tasks = ReturnType<typeof tasksOf>;

/**
 * What moto lacks of ECS: it honours the token of a launch, ends tasks by themselves with the exit code of
 * their command, and tells of it. Everything else stays moto's.
 */
export function tasksOf() {
  const byToken = new Map<string, Json>();
  const tasks = new Map<string, Task>();
  const events = new EventEmitter<{ task: [Json] }>();

  const tell = (task: Task) => events.emit("task", view(task));

  function view(task: Task): Json {
    const { arn, input, startedAt, end } = task;
    const [provider] = listOf(input["capacityProviderStrategy"]);
    const cluster = arn.replace(/:task\/([^/]+)\/.*$/, ":cluster/$1");
    return {
      taskArn: arn,
      clusterArn: cluster,
      startedBy: input["startedBy"],
      lastStatus: end === undefined ? "RUNNING" : "STOPPED",
      desiredStatus: end === undefined ? "RUNNING" : "STOPPED",
      ...(provider === undefined ? {} : { capacityProviderName: provider["capacityProvider"] }),
      startedAt: startedAt / 1_000,
      containers: [
        { name: "flow", ...(end?.exitCode === undefined ? {} : { exitCode: end.exitCode }) },
      ],
      ...(end === undefined
        ? {}
        : { stoppedAt: end.at / 1_000, stopCode: end.stopCode, stoppedReason: end.reason }),
    };
  }

  function start(arn: string, input: Json): void {
    const task: Task = { arn, input, startedAt: Date.now() };
    tasks.set(arn, task);
    setImmediate(tell, task);
    const exitCode = exitCodeOf(input);
    if (exitCode === undefined) return;
    setTimeout(() => {
      const reason = "Essential container in task exited";
      task.end ??= { at: Date.now(), exitCode, stopCode: "EssentialContainerExited", reason };
      tell(task);
    }, 300);
  }

  return {
    events,
    /** How many tasks were started for a run. */
    count: (runId: string) =>
      [...tasks.values()].filter(({ input }) => String(input["startedBy"]).includes(`/${runId}/`))
        .length,
    /** The answer of an earlier RunTask with this token. */
    known: (token: unknown) => byToken.get(String(token)),
    started(input: Json, answer: Json): void {
      byToken.set(String(input["clientToken"]), answer);
      for (const { taskArn } of listOf(answer["tasks"])) start(String(taskArn), input);
    },
    stopped(arn: unknown, reason: unknown): void {
      const task = tasks.get(String(arn));
      if (task === undefined || task.end !== undefined) return;
      task.end = {
        at: Date.now(),
        exitCode: 143,
        stopCode: "UserInitiated",
        reason: String(reason),
      };
      tell(task);
    },
    /** A task as moto describes it, with what is known here. */
    described(theirs: Json): Json {
      const task = tasks.get(String(theirs["taskArn"]));
      return task === undefined ? theirs : { ...theirs, ...view(task) };
    },
  };
}

function exitCodeOf(input: Json): number | undefined {
  const { containerOverrides } = (input["overrides"] ?? {}) as Json;
  const [flow] = listOf(containerOverrides);
  const command = JSON.stringify(flow?.["command"] ?? []);
  if (/\bsleep\b/.test(command)) return undefined;
  return Number(/exit (\d+)/.exec(command)?.[1] ?? 0);
}

export function listOf(value: unknown): Json[] {
  return Array.isArray(value) ? (value as Json[]) : [];
}
