import type { Context, SQSEvent } from "aws-lambda";
import { abandon } from "../src/abandon.ts";
import type { App } from "../src/app.ts";
import { awsApp } from "../src/aws/app.ts";
import { handleBatch } from "./batch.ts";
import { stack } from "./stack.ts";

/** Ends the runs of messages that every delivery has failed for. */
export const abandonWith = (open: () => Promise<App>) =>
  stack(async (event: SQSEvent, context: Context) => {
    const app = await open();
    return handleBatch(event.Records, context, (message) => abandon(app, message));
  });

export const handler = abandonWith(awsApp);
