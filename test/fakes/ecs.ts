import { EventEmitter, once } from "node:events";
import type { ServerResponse } from "node:http";
import {
  type AwsError,
  checkDefinition,
  type Definition,
  type DefinitionInput,
  type Json,
  Refusal,
  type RunTaskInput,
  refuse,
  withDefaults,
} from "./ecs-rules.ts";
import { type FakeTask, fakeTasks, type TaskEnd } from "./ecs-tasks.ts";
import { bytesOf, type Handler, serve } from "./serve.ts";

/** How the next call of an operation goes wrong. */
export type Fault =
  /** AWS answers an error and does nothing. */
  | ({ readonly type: "error" } & AwsError)
  /** AWS takes the request and never answers. */
  | { readonly type: "hang" }
  /** AWS does it, and the answer is lost. */
  | { readonly type: "lost" }
  /** AWS does it, and answers an error of its own. */
  | { readonly type: "done_but_500" }
  /** RunTask answers failures; `beside` a task that was started all the same. */
  | { readonly type: "failures"; readonly reason: string; readonly beside?: boolean }
  /** RunTask answers neither tasks nor failures. */
  | { readonly type: "empty" };

export interface FakeEcsOptions {
  /** Default: us-east-1. */
  readonly region?: string;
  /** So long a new task is in no answer. Default: 0. */
  readonly lagMs?: number;
  /** Default VPCs of the account. Default: one. */
  readonly vpcs?: readonly string[];
  readonly subnets?: readonly string[];
  /** What DescribeTaskDefinition answers for definitions nobody has registered. */
  readonly foreign?: Json;
  /** ECS loses what a run puts over its definition, and says so in what it answers. Default: no. */
  readonly dropOverrides?: boolean;
  /** Whether answers tell the overrides of a task. Default: yes. */
  readonly echoOverrides?: boolean;
  /** A registration takes until so many others of its family were refused meanwhile. Default: 0. */
  readonly contenders?: number;
}

/** A fault of the calls for one cluster only, if it names one. */
export type FaultAt = Fault & { readonly cluster?: string };

type Operation = (input: Json, fault?: Fault) => Json | Promise<Json>;

interface LogInput {
  readonly logGroupName: string;
  readonly logStreamName: string;
  readonly nextToken?: string;
}

export type FakeEcs = Awaited<ReturnType<typeof fakeEcs>>;

const ACCOUNT = "123456789012";

/**
 * Amazon ECS over HTTP, with as much of EC2 and CloudWatch Logs as its backend needs: the real SDK talks
 * to it. It keeps state and ECS's rules, counts calls, and goes wrong as told. Its clock stands still but
 * for `tick` and `advance`.
 */
export async function fakeEcs(options: FakeEcsOptions = {}) {
  const region = options.region ?? "us-east-1";
  let time = Date.parse("2026-11-21T12:00:00.000Z");
  const calls: string[] = [];
  const inputs: { readonly op: string; readonly input: Json }[] = [];
  const faults = new Map<string, FaultAt[]>();
  const definitions: Definition[] = [];
  const registering = new Set<string>();
  const contended = new EventEmitter();
  let refused = 0;
  const logs = new Map<string, string[]>();
  const clusters = new Set(["default"]);
  const waiters = new Set<() => void>();
  let lagMs = options.lagMs ?? 0;

  const find = (name: string): Definition | undefined => {
    const [family, revision] = name.slice(name.lastIndexOf("/") + 1).split(":");
    const ofFamily = definitions.filter((definition) => definition.family === family);
    if (revision !== undefined) return ofFamily.find((one) => String(one.revision) === revision);
    return ofFamily.filter(({ status }) => status === "ACTIVE").at(-1);
  };
  const state = fakeTasks({
    now: () => time,
    lagMs: () => lagMs,
    definition: find,
    clusters,
    overrides: () => {
      if (options.dropOverrides === true) return "dropped";
      return options.echoOverrides === false ? "not echoed" : "kept";
    },
    account: ACCOUNT,
    region,
    wrote: (definition, taskId, lines) => {
      const flow = definition.containerDefinitions?.find(({ name }) => name === "flow");
      const log = flow?.logConfiguration?.options;
      if (log === undefined) return;
      logs.set(`${log["awslogs-group"]} ${log["awslogs-stream-prefix"]}/flow/${taskId}`, [
        ...lines,
      ]);
    },
  });

  const register = async (input: DefinitionInput): Promise<Json> => {
    checkDefinition(input);
    const { family = "" } = input;
    if (registering.has(family)) {
      refused++;
      contended.emit("refused");
      refuse(
        "ClientException",
        "Too many concurrent attempts to create a new revision of the specified family.",
      );
    }
    registering.add(family);
    while (refused < (options.contenders ?? 0)) await once(contended, "refused");
    await new Promise((resolve) => setTimeout(resolve, 5));
    registering.delete(family);
    const revision = definitions.filter((one) => one.family === family).length + 1;
    const taskDefinitionArn = `arn:aws:ecs:${region}:${ACCOUNT}:task-definition/${family}:${revision}`;
    const definition: Definition = {
      ...withDefaults(input),
      taskDefinitionArn,
      revision,
      status: "ACTIVE",
    };
    definitions.push(definition);
    return { taskDefinition: definition };
  };
  const operations = {
    RegisterTaskDefinition: register,
    DescribeTaskDefinition: ({ taskDefinition }: { taskDefinition: string }) => {
      const known = find(taskDefinition) ?? options.foreign;
      if (known === undefined) refuse("ClientException", "Unable to describe task definition.");
      return { taskDefinition: known };
    },
    RunTask: (input: RunTaskInput, fault?: Fault) => {
      if (fault?.type === "empty") return { tasks: [], failures: [] };
      return fault?.type === "failures"
        ? state.runTask(input, { reason: fault.reason, beside: fault.beside ?? false })
        : state.runTask(input);
    },
    ListTasks: (input: Parameters<typeof state.listTasks>[0]) => state.listTasks(input),
    DescribeTasks: (input: Parameters<typeof state.describeTasks>[0]) => state.describeTasks(input),
    StopTask: (input: Parameters<typeof state.stopTask>[0]) => state.stopTask(input),
    GetLogEvents: ({ logGroupName, logStreamName, nextToken }: LogInput) => {
      const lines = logs.get(`${logGroupName} ${logStreamName}`);
      if (lines === undefined)
        refuse("ResourceNotFoundException", "The log stream does not exist.");
      const from = Number(/^f\/(\d+)/.exec(nextToken ?? "")?.[1] ?? 0);
      // Every other page is empty although the stream goes on, as CloudWatch may answer.
      if (from < lines.length && !nextToken?.endsWith("~")) {
        return { events: [], nextForwardToken: `f/${from}~` };
      }
      const page = lines.slice(from, from + 2);
      const events = page.map((message, index) => ({ message, timestamp: time + from + index }));
      const next = from + page.length;
      return { events, nextForwardToken: page.length === 0 ? nextToken : `f/${next}` };
    },
  };

  const ec2 = (action: string): string => {
    const vpcs = options.vpcs ?? ["vpc-1"];
    const subnets = options.subnets ?? ["subnet-a", "subnet-b"];
    const items = (names: readonly string[], tag: string) =>
      names.map((name) => `<item><${tag}>${name}</${tag}></item>`).join("");
    return action === "DescribeVpcs"
      ? `<DescribeVpcsResponse><vpcSet>${items(vpcs, "vpcId")}</vpcSet></DescribeVpcsResponse>`
      : `<DescribeSubnetsResponse><subnetSet>${items(subnets, "subnetId")}</subnetSet></DescribeSubnetsResponse>`;
  };

  const handle: Handler = async (request, response) => {
    const body = String(await bytesOf(request));
    const target = request.headers["x-amz-target"];
    const op =
      typeof target === "string"
        ? target.slice(target.indexOf(".") + 1)
        : (new URLSearchParams(body).get("Action") ?? "");
    calls.push(op);
    for (const waiter of waiters) waiter();
    if (typeof target !== "string") {
      const fault = faults.get(op)?.shift();
      const refused = fault?.type === "error" ? fault : undefined;
      response.writeHead(refused?.status ?? 200, { "content-type": "text/xml" });
      response.end(refused === undefined ? ec2(op) : ec2Error(refused));
      return;
    }
    const input = JSON.parse(body) as Json;
    inputs.push({ op, input });
    const fault = nextFault(faults.get(op), input);
    try {
      if (fault?.type === "hang") return;
      if (fault?.type === "error") throw new Refusal(fault);
      if (!(op in operations)) throw new Error(`the fake has no ${op}`);
      const operation = operations[op as keyof typeof operations] as Operation;
      const answer = await operation(input, fault);
      if (fault?.type === "lost") {
        request.socket.destroy();
        return;
      }
      if (fault?.type === "done_but_500") {
        throw new Refusal({ code: "ServerException", message: "oops", status: 500 });
      }
      reply(response, 200, answer);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const { code, message, status = 400, extra } = error.error;
      reply(response, status, { __type: code, message, ...extra });
    }
  };
  const { url, close } = await serve(handle);

  return {
    url,
    /** Environment with which the backend finds this server. */
    env: {
      AWS_ENDPOINT_URL: url,
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: "AKIDEXAMPLE",
      AWS_SECRET_ACCESS_KEY: "secret",
    },
    /** The operations called so far, in order. */
    calls,
    inputs,
    definitions,
    clusters,
    tasks: state.tasks as readonly FakeTask[],
    now: () => new Date(time),
    /** Resolves as soon as an operation was called so often. */
    called: (op: string, times: number) =>
      new Promise<void>((resolve) => {
        const check = () => {
          if (calls.filter((call) => call === op).length < times) return;
          waiters.delete(check);
          resolve();
        };
        waiters.add(check);
        check();
      }),
    count: (op: string) => calls.filter((call) => call === op).length,
    /** Lets the next calls of an operation go wrong, one fault each. */
    fail: (op: string, ...next: FaultAt[]) => {
      faults.set(op, [...(faults.get(op) ?? []), ...next]);
    },
    /** Forgets the faults that have not come up. */
    heal: () => faults.clear(),
    end: (task: FakeTask | undefined, end: TaskEnd) => {
      if (task === undefined) throw new Error("no such task");
      state.end(task, end);
    },
    deactivate: (arn: string) => {
      for (const definition of definitions) {
        if (definition.taskDefinitionArn === arn) definition.status = "INACTIVE";
      }
    },
    setLag: (ms: number) => {
      lagMs = ms;
    },
    advance: (ms: number) => {
      time += ms;
    },
    tick: () => {
      time += 1_000;
      state.tick();
    },
    close,
  };
}

/** Takes the first fault that is meant for a call. */
function nextFault(queue: FaultAt[] = [], { cluster }: Json): Fault | undefined {
  const index = queue.findIndex((fault) => (fault.cluster ?? cluster) === cluster);
  return index < 0 ? undefined : queue.splice(index, 1)[0];
}

function ec2Error({ code, message }: AwsError): string {
  return `<Response><Errors><Error><Code>${code}</Code><Message>${message}</Message></Error></Errors><RequestID>r</RequestID></Response>`;
}

function reply(response: ServerResponse, status: number, body: Json): void {
  response.writeHead(status, { "content-type": "application/x-amz-json-1.1" });
  response.end(JSON.stringify(body));
}
