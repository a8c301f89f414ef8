import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from "@aws-sdk/client-eventbridge";
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import type { Deployed } from "./deployment.ts";

/** An event of the deployed bus. */
export interface Heard {
  readonly source: string;
  readonly "detail-type": string;
  readonly detail: {
    readonly run: { readonly id: string; readonly state: string };
    readonly from?: string;
    readonly revision: number;
  };
}

/** Somebody who wants to know what becomes of runs. */
export interface Listener {
  /** What has come so far, in its order. */
  heard(): Promise<readonly Heard[]>;
}

/** Listens to the deployed bus as its users do: by a rule that sends to a queue what fits. */
export async function listen(
  { endpoint, region, name: bus }: Pick<Deployed, "endpoint" | "region" | "name">,
  { name, pattern }: { readonly name: string; readonly pattern: object },
): Promise<Listener> {
  const events = new EventBridgeClient({ endpoint, region });
  const sqs = new SQSClient({ endpoint, region });
  const where = { EventBusName: bus };
  const EventPattern = JSON.stringify(pattern);
  const { RuleArn = "" } = await events.send(
    new PutRuleCommand({ Name: name, EventPattern, ...where }),
  );
  const Arn = `${RuleArn.replace(":events:", ":sqs:").replace(/:rule\/.*$/, "")}:${name}`;
  const { QueueUrl } = await sqs.send(
    new CreateQueueCommand({ QueueName: name, Attributes: { Policy: policy(Arn, RuleArn) } }),
  );
  const Targets = [{ Id: "queue", Arn }];
  await events.send(new PutTargetsCommand({ Rule: name, Targets, ...where }));
  const heard: Heard[] = [];
  return {
    async heard() {
      const receive = new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 });
      const { Messages = [] } = await sqs.send(receive);
      for (const { Body = "", ReceiptHandle } of Messages) {
        heard.push(JSON.parse(Body) as Heard);
        await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
      }
      return heard;
    },
  };
}

/** Lets one rule send to a queue. */
function policy(queueArn: string, ruleArn: string): string {
  const Statement = {
    Effect: "Allow",
    Principal: { Service: "events.amazonaws.com" },
    Action: "sqs:SendMessage",
    Resource: queueArn,
    Condition: { ArnEquals: { "aws:SourceArn": ruleArn } },
  };
  return JSON.stringify({ Version: "2012-10-17", Statement: [Statement] });
}
