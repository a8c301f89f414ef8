import type { Context, SQSEvent } from "aws-lambda";
import type { App } from "../src/app.ts";
import { awsApp } from "../src/aws/app.ts";
import { observeEvent } from "../src/aws/observe.ts";
import { handleBatch } from "./batch.ts";
import { stack } from "./stack.ts";

/** Takes what ECS says of tasks by itself. */
export const observeWith = (open: () => Promise<App>) =>
  stack(async (event: SQSEvent, context: Context) => {
    const app = await open();
    return handleBatch(event.Records, context, ({ body }) => observeEvent(app, body));
  });

export const handler = observeWith(awsApp);
