import type { IncomingMessage, ServerResponse } from "node:http";
import { forward } from "../../fakes/forward.ts";
import { bytesOf, type Served, serve } from "../../fakes/serve.ts";
import type { BusEvent } from "./runtime/rules.ts";
import { type Json, listOf, type Tasks } from "./tasks.ts";

/** What stands before moto. */
export interface Proxy extends Served {
  /** Calls of tables with one of these texts in them fail, as if DynamoDB were out of order. */
  readonly failing: Set<string>;
}

/** Passes everything on to moto, but for what moto does otherwise than AWS. */
export async function startProxy(options: ProxyOptions): Promise<Proxy> {
  const failing = new Set<string>();
  const behind = { ...options, failing, table: oneByOne() };
  const served = await serve((incoming, outgoing) => handle(incoming, outgoing, behind));
  return { ...served, failing };
}

/** What stands behind the proxy. */
export interface ProxyOptions {
  /** Where moto is. */
  readonly moto: string;
  readonly tasks: Tasks;
  /** Hands an event to the rules of a bus. */
  emit(event: BusEvent, bus: string): Promise<void>;
}

interface Behind extends ProxyOptions {
  readonly failing: ReadonlySet<string>;
  /** How calls of tables are passed on. */
  readonly table: typeof forward;
}

async function handle(incoming: IncomingMessage, outgoing: ServerResponse, behind: Behind) {
  const body = await bytesOf(incoming);
  // moto refuses a template for a warning that AWS only gives.
  if (body.includes("Action=ValidateTemplate")) return reply(outgoing, VALID, "text/xml");
  const [service, operation] = String(incoming.headers["x-amz-target"] ?? "").split(".");
  if (service === "AWSEvents" && operation === "PutEvents") {
    const results = await putEvents(JSON.parse(body.toString("utf8")) as PutEvents, behind);
    return reply(outgoing, JSON.stringify(results));
  }
  if (service !== "AmazonEC2ContainerServiceV20141113") {
    const isTable = service?.startsWith("DynamoDB_") === true;
    if (isTable && [...behind.failing].some((part) => body.includes(part))) {
      outgoing.writeHead(500).end('{"__type":"InternalServerError"}');
      return;
    }
    const pass = isTable ? behind.table : forward;
    const { status, headers, body: text } = await pass(incoming, body, behind.moto);
    outgoing.writeHead(status, headers).end(text);
    return;
  }
  const input = JSON.parse(body.toString("utf8")) as Json;
  const known = operation === "RunTask" ? behind.tasks.known(input["clientToken"]) : undefined;
  if (known !== undefined) return reply(outgoing, JSON.stringify(known));
  const sent = Buffer.from(JSON.stringify(completed(operation, input)));
  const answer = await forward(incoming, sent, behind.moto);
  if (answer.status !== 200) {
    outgoing.writeHead(answer.status, answer.headers).end(answer.body);
    return;
  }
  const given = JSON.parse(answer.body.toString("utf8")) as Json;
  reply(outgoing, JSON.stringify(seen(operation, input, given, behind.tasks)));
}

/**
 * moto checks a condition and writes afterwards, in place, and reads what is half written: two calls at
 * the same time would both win. DynamoDB takes the calls of an item one after the other.
 */
function oneByOne(): typeof forward {
  let last: Promise<unknown> = Promise.resolve();
  return (incoming, body, moto) => {
    const answer = last.then(() => forward(incoming, onOneLine(body), moto));
    last = answer.catch(() => undefined);
    return answer;
  };
}

interface PutEvents {
  readonly Entries: readonly Readonly<Record<string, string | undefined>>[];
}

/** The runtime knows more of rules than moto. One entry after the other: whoever puts them relies on it. */
async function putEvents({ Entries }: PutEvents, { emit }: Behind) {
  const results: Json[] = [];
  for (const { Source, DetailType, Detail, EventBusName = "default" } of Entries) {
    if (!Source || !DetailType || !Detail) {
      const ErrorMessage = "Source, DetailType and Detail are required arguments.";
      results.push({ ErrorCode: "InvalidArgument", ErrorMessage });
      continue;
    }
    const id = crypto.randomUUID();
    const detail = JSON.parse(Detail) as Json;
    await emit({ id, source: Source, "detail-type": DetailType, detail }, EventBusName);
    results.push({ EventId: id });
  }
  const failed = results.filter(({ ErrorCode }) => ErrorCode !== undefined);
  return { FailedEntryCount: failed.length, Entries: results };
}

/** moto reads no condition that goes on in another line. */
function onOneLine(body: Buffer): Buffer {
  const input = JSON.parse(body.toString("utf8")) as Json;
  const { ConditionExpression: condition } = input;
  if (typeof condition !== "string") return body;
  const text = condition.replaceAll(/\s+/g, " ");
  return Buffer.from(JSON.stringify({ ...input, ConditionExpression: text }));
}

/** What moto cannot do without and AWS can. */
function completed(operation: string | undefined, input: Json): Json {
  if (operation === "RegisterTaskDefinition") {
    const containers = listOf(input["containerDefinitions"]).map((one) => ({
      memory: 512,
      ...one,
    }));
    return { ...input, containerDefinitions: containers };
  }
  if (operation !== "RunTask") return input;
  const { awsvpcConfiguration } = (input["networkConfiguration"] ?? {}) as Json;
  const network = { securityGroups: ["sg-default"], ...(awsvpcConfiguration as Json | undefined) };
  // moto places tasks on Fargate by their launch type alone.
  const place = input["capacityProviderStrategy"] === undefined ? {} : { launchType: "FARGATE" };
  return { ...input, ...place, networkConfiguration: { awsvpcConfiguration: network } };
}

function seen(operation: string | undefined, input: Json, answer: Json, tasks: Tasks): Json {
  switch (operation) {
    case "RunTask":
      tasks.started(input, answer);
      return answer;
    case "StopTask":
      tasks.stopped(input["task"], input["reason"]);
      return answer;
    case "DescribeTasks":
      return { ...answer, tasks: listOf(answer["tasks"]).map((task) => tasks.described(task)) };
    default:
      return answer;
  }
}

function reply(outgoing: ServerResponse, text: string, type = "application/x-amz-json-1.1"): void {
  outgoing.writeHead(200, { "content-type": type }).end(text);
}

const VALID = `<ValidateTemplateResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/">
<ValidateTemplateResult><Parameters/></ValidateTemplateResult></ValidateTemplateResponse>`;
