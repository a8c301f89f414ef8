import {
  ChangeMessageVisibilityCommand,
  DeleteMessageBatchCommand,
  ReceiveMessageCommand,
  type SQSClient,
} from "@aws-sdk/client-sqs";
import { invalid } from "../../src/errors.ts";
import type { Queue } from "../../src/queue.ts";
import type { ReceivedMessage, ReceivingQueue } from "../../src/queues/sqlite.ts";

/** The queues of one receiver. */
export interface SqsQueues {
  readonly client: SQSClient;
  readonly url: string;
  readonly deadUrl: string;
}

/** Adds to the sending side of a queue of SQS what Lambda does with the other one. */
export function withReceiver(queue: Queue, { client, url, deadUrl }: SqsQueues): ReceivingQueue {
  return {
    send: (messages) => queue.send(messages),
    receive: (max) => receive(client, url, max),
    dead: (max) => receive(client, deadUrl, max),
    async done(receipts) {
      for (const QueueUrl of [url, deadUrl]) {
        for (let start = 0; start < receipts.length; start += 10) {
          const Entries = receipts
            .slice(start, start + 10)
            .map((ReceiptHandle, index) => ({ Id: String(index), ReceiptHandle }));
          await client.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
        }
      }
    },
    async release(ReceiptHandle, delaySeconds = 0) {
      if (!Number.isInteger(delaySeconds) || delaySeconds < 0 || delaySeconds > 900) {
        throw invalid("the delay of a message", [{ path: "", message: `got ${delaySeconds}` }]);
      }
      const input = { QueueUrl: url, ReceiptHandle, VisibilityTimeout: delaySeconds };
      await client
        .send(new ChangeMessageVisibilityCommand(input))
        .catch((error: unknown) => ignoreGone(error));
    },
  };
}

async function receive(
  client: SQSClient,
  QueueUrl: string,
  max: number,
): Promise<ReceivedMessage[]> {
  const { Messages = [] } = await client.send(
    new ReceiveMessageCommand({
      QueueUrl,
      MaxNumberOfMessages: Math.min(max, 10),
      MessageSystemAttributeNames: ["ApproximateReceiveCount"],
      WaitTimeSeconds: 0,
    }),
  );
  return Messages.map(({ MessageId = "", Body = "", ReceiptHandle = "", Attributes = {} }) => ({
    id: MessageId,
    body: Body,
    receipt: ReceiptHandle,
    receiveCount: Number(Attributes.ApproximateReceiveCount),
  }));
}

/** A message that is done or in other hands cannot be given back. */
function ignoreGone(error: unknown): void {
  const names = ["MessageNotInflight", "ReceiptHandleIsInvalid", "InvalidParameterValue"];
  if (!(error instanceof Error) || !names.includes(error.name)) throw error;
}
