import type { ServerResponse } from "node:http";
import { forward } from "./forward.ts";
import { bytesOf, serve } from "./serve.ts";

/** A call as it came by. */
export interface AwsCall {
  /** Such as `PutItem`. */
  readonly operation: string;
  /** Its input, as JSON text. */
  readonly body: string;
}

/**
 * What goes wrong: the answer is lost although the call was made; or the call is not made and answered
 * with an error of this name.
 */
export type Fault =
  | { readonly type: "lost" }
  | { readonly type: "refused"; readonly status: number; readonly error: string };

/** Request units of DynamoDB: those read, and those written in the table and in each of its indexes. */
export interface UsedUnits {
  readonly read: number;
  readonly written: Readonly<Record<string, number>>;
}

/** A way to an AWS service on which calls are counted and things go wrong. */
export interface AwsProxy {
  readonly endpoint: string;
  /** All calls so far, in order, those that were refused too. */
  readonly calls: readonly AwsCall[];
  /** The request units all calls so far have used. */
  readonly used: UsedUnits;
  /** Lets the next call that meets the condition, and `times` - 1 after it, go wrong. Default: 1. */
  break(fault: Fault, meets: (call: AwsCall) => boolean, times?: number): void;
  /** Whether every fault that was asked for has happened. */
  readonly done: boolean;
  close(): Promise<void>;
}

interface Plan {
  readonly fault: Fault;
  readonly meets: (call: AwsCall) => boolean;
  left: number;
}

/** Opens a proxy before a service that speaks JSON 1.0. */
export async function awsProxy(target: string): Promise<AwsProxy> {
  const calls: AwsCall[] = [];
  const plans: Plan[] = [];
  const used = { read: 0, written: {} as Record<string, number> };
  const { url, close } = await serve(async (incoming, response) => {
    const bytes = await bytesOf(incoming);
    const operation = String(incoming.headers["x-amz-target"]).split(".").at(-1) ?? "";
    const call = { operation, body: bytes.toString() };
    calls.push(call);
    const plan = plans.find(({ left, meets }) => left > 0 && meets(call));
    if (plan !== undefined) plan.left -= 1;
    const fault = plan?.fault;
    if (fault?.type === "refused") return refuse(response, fault);
    const answer = await forward(incoming, askingForUnits(call.body), target);
    const units = unitsIn(answer.body);
    if (/^(?:GetItem|Query)$/.test(operation)) used.read += units.total;
    else
      for (const [where, some] of units.parts)
        used.written[where] = (used.written[where] ?? 0) + some;
    if (fault?.type === "lost") return void response.destroy();
    response.writeHead(answer.status, answer.headers).end(answer.body);
  });
  return {
    endpoint: url,
    calls,
    used,
    break: (fault, meets, times = 1) => void plans.push({ fault, meets, left: times }),
    get done() {
      return plans.every(({ left }) => left === 0);
    },
    close,
  };
}

function refuse(response: ServerResponse, { status, error }: Fault & { type: "refused" }): void {
  const body = JSON.stringify({
    __type: `com.amazonaws.dynamodb.v20120810#${error}`,
    message: "refused by the proxy",
  });
  response.writeHead(status, { "content-type": "application/x-amz-json-1.0" }).end(body);
}

/** An answer names the units a call has used only if it was asked to. */
function askingForUnits(body: string): Buffer {
  const input = JSON.parse(body) as object;
  return Buffer.from(JSON.stringify({ ...input, ReturnConsumedCapacity: "INDEXES" }));
}

interface Capacity {
  readonly CapacityUnits: number;
}

interface ConsumedCapacity extends Capacity {
  readonly Table?: Capacity;
  readonly GlobalSecondaryIndexes?: Readonly<Record<string, Capacity>>;
}

function unitsIn(body: Buffer) {
  const { ConsumedCapacity: consumed } = JSON.parse(body.toString()) as {
    readonly ConsumedCapacity?: ConsumedCapacity;
  };
  const { Table, GlobalSecondaryIndexes } = consumed ?? {};
  const parts = { ...(Table === undefined ? {} : { table: Table }), ...GlobalSecondaryIndexes };
  return {
    total: consumed?.CapacityUnits ?? 0,
    parts: Object.entries(parts).map(
      ([where, { CapacityUnits }]) => [where, CapacityUnits] as const,
    ),
  };
}
