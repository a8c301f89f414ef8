import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { SQSClient } from "@aws-sdk/client-sqs";
import { type RawAws, rawAws } from "./aws.ts";
import { type Functions, openFunctions } from "./functions.ts";
import { serveApi } from "./http.ts";
import type { Mapping } from "./mappings.ts";
import { readQueue } from "./queue.ts";
import { type BusEvent, eventRules, rulesOf } from "./rules.ts";
import { keepTime } from "./schedule.ts";
import { readStream } from "./stream.ts";

/** Where the deployment is, and how it is run. */
export interface RuntimeOptions {
  readonly endpoint: string;
  readonly region: string;
  /** Folder with what was packaged. */
  readonly folder: string;
  /** Functions whose names start so are run. */
  readonly prefix: string;
  /**
   * How long a minute of schedules, of hidden messages and of batching windows is here, in milliseconds.
   * What functions do takes the time it takes: their timeouts are those that were deployed.
   */
  readonly minuteMs: number;
  /** Variables every function has from Lambda itself. */
  readonly env: Readonly<Record<string, string>>;
  /** Mappings of streams, for moto lists those of queues alone. */
  readonly streams: readonly Mapping[];
  /** What of mappings and schedules is left alone: all, only the schedules, or nothing, the default. */
  readonly idle?: boolean | "schedules";
}

/** A deployment at work. */
export interface Runtime {
  /** Where the deployed HTTP API is served, on loopback. */
  readonly url: string;
  /** Hands an event to the rules of a bus; of the default one, unless told. */
  emit(event: BusEvent, bus?: string): Promise<void>;
  /** Calls a function by the end of its name, and waits for its answer. */
  invoke(name: string, event: unknown): Promise<unknown>;
  /** What functions have thrown, and how they ended, in the order in which it came. */
  readonly failures: readonly string[];
  close(): Promise<void>;
}

/**
 * Runs a deployed stack as AWS does: reads its functions, event source mappings, rules and routes from the
 * deployment, and does what they say. Mappings and schedules count as enabled: a stack is deployed with all
 * of them disabled, so that moto does not do the same by its own means.
 */
export async function startRuntime(options: RuntimeOptions): Promise<Runtime> {
  const { endpoint, region } = options;
  const closing = new AbortController();
  const tools: Tools = {
    aws: rawAws(endpoint, region),
    sqs: new SQSClient({ endpoint, region }),
    events: new EventBridgeClient({ endpoint, region }),
    shortened: (seconds) => (seconds * options.minuteMs) / 60,
    signal: closing.signal,
  };
  const functions = await openFunctions({ ...options, ...tools });
  const emit = eventRules({ ...tools, functions, region });
  const gateway = await serveApi({ ...tools, region, invoke: functions.invoke });
  const works = await startWorks(functions, options, tools);
  return {
    url: gateway.url,
    failures: functions.failures,
    emit: (event, bus = "default") => emit(event, bus),
    invoke: (name, event) => functions.invoke(functions.arnOf(name), event),
    async close() {
      closing.abort();
      await gateway.close();
      await functions.close();
      await Promise.all(works);
      tools.sqs.destroy();
      tools.events.destroy();
    },
  };
}

/** What everything here works with. */
interface Tools {
  readonly aws: RawAws;
  readonly sqs: SQSClient;
  readonly events: EventBridgeClient;
  shortened(seconds: number): number;
  readonly signal: AbortSignal;
}

/** Starts what goes on by itself until all is over: queues and streams that are read, schedules. */
async function startWorks(
  functions: Functions,
  { streams, idle = false }: Pick<RuntimeOptions, "streams" | "idle">,
  tools: Tools,
): Promise<readonly Promise<void>[]> {
  if (idle === true) return [];
  const { EventSourceMappings: queues } = (await tools.aws.get(
    "lambda",
    "/2015-03-31/event-source-mappings/",
  )) as { readonly EventSourceMappings: readonly Mapping[] };
  const rules = await rulesOf(tools.events, "default");
  const isOurs = (arn: string) => functions.has(arn);
  const toolsFor = ({ FunctionArn }: Mapping) => ({
    ...tools,
    invoke: (event: unknown) => functions.invoke(FunctionArn, event),
  });
  const schedules = rules.flatMap(({ rule, targets }) =>
    rule.ScheduleExpression === undefined || idle === "schedules"
      ? []
      : targets.map(({ Arn = "" }) => ({ rule, Arn })),
  );
  return [
    ...queues
      .filter(({ FunctionArn }) => isOurs(FunctionArn))
      .map((mapping) => readQueue(mapping, toolsFor(mapping))),
    ...streams.map((mapping) => readStream(mapping, toolsFor(mapping))),
    ...schedules
      .filter(({ Arn }) => isOurs(Arn))
      .map(({ rule, Arn }) => {
        const deliver = (event: unknown) => functions.deliver(Arn, event);
        return keepTime(rule, { ...tools, deliver });
      }),
  ];
}
