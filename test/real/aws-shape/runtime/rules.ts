import {
  type EventBridgeClient,
  ListRulesCommand,
  ListTargetsByRuleCommand,
  type Rule,
  type Target,
} from "@aws-sdk/client-eventbridge";
import {
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  SendMessageCommand,
  type SQSClient,
} from "@aws-sdk/client-sqs";
import type { Functions } from "./functions.ts";
import { matches } from "./patterns.ts";

/** An event, as far as its source fills it in. */
export type BusEvent = Readonly<Record<string, unknown>>;

/** What rules work with. */
export interface RulesOptions {
  readonly events: EventBridgeClient;
  readonly sqs: SQSClient;
  readonly functions: Pick<Functions, "deliver" | "has">;
  readonly region: string;
}

/** Every rule of a bus with its targets, as they are now. */
export async function rulesOf(
  events: EventBridgeClient,
  EventBusName: string,
): Promise<readonly { readonly rule: Rule; readonly targets: readonly Target[] }[]> {
  const { Rules = [] } = await events.send(new ListRulesCommand({ EventBusName }));
  return Promise.all(
    Rules.map(async (rule) => {
      const { Targets = [] } = await events.send(
        new ListTargetsByRuleCommand({ Rule: rule.Name, EventBusName }),
      );
      return { rule, targets: Targets };
    }),
  );
}

/**
 * Hands events to the rules of a bus as EventBridge does. moto does so too, but asks no queue whether it
 * takes events of a rule, and has no dead letter queues for targets: PutEvents fails there instead.
 */
export function eventRules({ events, sqs, functions, region }: RulesOptions) {
  /** Returns when all targets have been told. Throws if there is no such bus. */
  return async function emit(given: BusEvent, bus: string): Promise<void> {
    const event = {
      version: "0",
      id: crypto.randomUUID(),
      account: "123456789012",
      time: new Date().toISOString(),
      region,
      resources: [],
      ...given,
    };
    for (const { rule, targets } of await rulesOf(events, bus)) {
      if (rule.State === "DISABLED" || rule.EventPattern === undefined) continue;
      if (!matches(JSON.parse(rule.EventPattern), event)) continue;
      for (const target of targets) await tell(event, rule, target);
    }
  };

  async function tell(event: BusEvent, rule: Rule, { Arn = "", DeadLetterConfig }: Target) {
    try {
      await send(Arn, event, rule.Arn ?? "");
    } catch (error) {
      const dead = DeadLetterConfig?.Arn;
      // An event that has nowhere to go is dropped; so it is on AWS.
      if (dead === undefined) return;
      const text = (StringValue: string) => ({ DataType: "String", StringValue });
      await put(dead, JSON.stringify(event), {
        RULE_ARN: text(rule.Arn ?? ""),
        TARGET_ARN: text(Arn),
        ERROR_CODE: text((error as Error).name),
        ERROR_MESSAGE: text((error as Error).message),
      });
    }
  }

  async function send(arn: string, event: BusEvent, ruleArn: string): Promise<void> {
    if (arn.includes(":sqs:")) {
      await allowed(arn, ruleArn);
      return put(arn, JSON.stringify(event));
    }
    if (!functions.has(arn)) throw named("NO_RESOURCE", `there is no target ${arn}`);
    functions.deliver(arn, event).catch((error: unknown) => console.error(error));
  }

  /** Throws unless the policy of a queue lets EventBridge send what a rule gives it. */
  async function allowed(queueArn: string, ruleArn: string): Promise<void> {
    const { Attributes } = await sqs.send(
      new GetQueueAttributesCommand({
        QueueUrl: await urlOf(queueArn),
        AttributeNames: ["Policy"],
      }),
    );
    const policy = JSON.parse(Attributes?.["Policy"] || "{}") as Policy;
    const isFor = ({ Effect, Principal, Action, Resource, Condition }: Statement) =>
      Effect === "Allow" &&
      Principal?.Service === "events.amazonaws.com" &&
      [Action].flat().includes("sqs:SendMessage") &&
      Resource === queueArn &&
      [ruleArn, undefined].includes(Condition?.ArnEquals?.["aws:SourceArn"]);
    if (policy.Statement?.some(isFor) === true) return;
    throw named("NO_PERMISSIONS", `the policy of ${queueArn} does not let ${ruleArn} send to it`);
  }

  async function put(
    queueArn: string,
    MessageBody: string,
    MessageAttributes: Readonly<Record<string, { DataType: string; StringValue: string }>> = {},
  ): Promise<void> {
    const QueueUrl = await urlOf(queueArn);
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody, MessageAttributes }));
  }

  async function urlOf(queueArn: string): Promise<string | undefined> {
    const QueueName = queueArn.split(":").at(-1) ?? "";
    return (await sqs.send(new GetQueueUrlCommand({ QueueName }))).QueueUrl;
  }
}

/** A policy of a queue, as far as such are written in this project. */
interface Policy {
  readonly Statement?: readonly Statement[];
}

interface Statement {
  readonly Effect?: string;
  readonly Principal?: { readonly Service?: string };
  readonly Action?: string | readonly string[];
  readonly Resource?: string;
  readonly Condition?: { readonly ArnEquals?: Readonly<Record<string, string>> };
}

function named(name: string, message: string): Error {
  return Object.assign(new Error(message), { name });
}
