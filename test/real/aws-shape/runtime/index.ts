import { setTimeout as sleep } from "node:timers/promises";
import {
  EventBridgeClient,
  ListRulesCommand,
  ListTargetsByRuleCommand,
  type Rule,
} from "@aws-sdk/client-eventbridge";
import { GetQueueUrlCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { rawAws } from "./aws.ts";
import { type FunctionConfiguration, type LocalFunction, localFunction } from "./functions.ts";
import { serveApi } from "./http.ts";
import { type Mapping, matches, readQueue, readStream } from "./mappings.ts";

/** Where the deployment is, and how it is run. */
export interface RuntimeOptions {
  readonly endpoint: string;
  readonly region: string;
  /** Folder with what was packaged. */
  readonly folder: string;
  /** Functions whose names start so are run. */
  readonly prefix: string;
  /** A minute of a schedule takes so long here. */
  readonly minuteMs: number;
  /** Variables every function has from Lambda itself. */
  readonly env: Readonly<Record<string, string>>;
  /** Mappings of streams, for moto lists those of queues alone. */
  readonly streams: readonly Mapping[];
}

/** A deployment at work. */
export interface Runtime {
  /** Where the deployed HTTP API is served, on loopback. */
  readonly url: string;
  /** Hands an event to the rules of the default bus. */
  emit(event: Readonly<Record<string, unknown>>): Promise<void>;
  invoke(name: string, event: unknown): Promise<unknown>;
  close(): Promise<void>;
}

/**
 * Runs a deployed stack as AWS does: reads its functions, event source mappings and rules from the
 * deployment, and does what they say.
 */
export async function startRuntime(options: RuntimeOptions): Promise<Runtime> {
  const { endpoint, region, prefix } = options;
  const aws = rawAws(endpoint, region);
  const client = { endpoint, region };
  const sqs = new SQSClient(client);
  const functions = (await listFunctions()).map((one) => localFunction(one, options));
  const closing = new AbortController();
  const { signal } = closing;
  const target = (arn: string): LocalFunction => {
    const found = functions.find((one) => one.arn === arn);
    if (found === undefined) throw new Error(`no function ${arn} is deployed`);
    return found;
  };
  const { EventSourceMappings } = (await aws.get(
    "lambda",
    "/2015-03-31/event-source-mappings/",
  )) as {
    readonly EventSourceMappings: readonly Mapping[];
  };
  const works = [...EventSourceMappings, ...options.streams].map((mapping) => {
    const reader = { aws, sqs, target: target(mapping.FunctionArn), signal };
    return mapping.EventSourceArn.includes(":sqs:")
      ? readQueue(mapping, reader)
      : readStream(mapping, reader);
  });
  const rules = await listRules(new EventBridgeClient(client));
  const ticks = rules.flatMap(({ rule, targets }) =>
    rule.ScheduleExpression === "rate(1 minute)" ? targets.map((arn) => tick(target(arn))) : [],
  );

  const gateway = await serveApi({
    aws,
    region,
    invoke: (arn, event) => target(arn).invoke(event),
  });

  return {
    url: gateway.url,
    async emit(event) {
      for (const { rule, targets } of rules) {
        if (rule.EventPattern === undefined) continue;
        if (!matches(JSON.parse(rule.EventPattern), event)) continue;
        for (const arn of targets) await send(arn, JSON.stringify(event));
      }
    },
    invoke: (name, event) =>
      target(functions.find(({ arn }) => arn.endsWith(`-${name}`))?.arn ?? name).invoke(event),
    async close() {
      closing.abort();
      await gateway.close();
      await Promise.allSettled([...works, ...ticks]);
      for (const one of functions) one.close();
    },
  };

  async function tick(poll: LocalFunction): Promise<void> {
    while (!signal.aborted) {
      await poll.invoke({ "detail-type": "Scheduled Event", source: "aws.events", detail: {} });
      await sleep(options.minuteMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async function send(arn: string, MessageBody: string): Promise<void> {
    const QueueName = arn.split(":").at(-1) ?? "";
    const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName }));
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }));
  }

  async function listFunctions(): Promise<readonly FunctionConfiguration[]> {
    const { Functions } = (await aws.get("lambda", "/2015-03-31/functions/")) as {
      readonly Functions: readonly FunctionConfiguration[];
    };
    return Functions.filter(({ FunctionName }) => FunctionName.startsWith(prefix));
  }
}

async function listRules(
  events: EventBridgeClient,
): Promise<readonly { readonly rule: Rule; readonly targets: readonly string[] }[]> {
  const { Rules = [] } = await events.send(new ListRulesCommand({}));
  return Promise.all(
    Rules.map(async (rule) => {
      const { Targets = [] } = await events.send(new ListTargetsByRuleCommand({ Rule: rule.Name }));
      return { rule, targets: Targets.map(({ Arn = "" }) => Arn) };
    }),
  );
}
