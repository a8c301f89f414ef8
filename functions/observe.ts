import type { Context, SQSEvent } from "aws-lambda";
import { awsApp } from "../src/aws/app.ts";
import { type Observer, observeEvent } from "../src/aws/observe.ts";
import { handleBatch } from "./batch.ts";
import { stack } from "./stack.ts";

/** Takes what ECS says of tasks by itself. */
export const observeWith = (open: () => Promise<Observer>) =>
  stack(async (event: SQSEvent, context: Context) => {
    const app = await open();
    return handleBatch(event.Records, context, ({ body }) => observeEvent(app, body));
  });

export const handler = observeWith(awsApp);
