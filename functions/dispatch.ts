import type { Context, SQSEvent } from "aws-lambda";
import type { App } from "../src/app.ts";
import { awsApp } from "../src/aws/app.ts";
import { dispatch } from "../src/dispatch.ts";
import { handleBatch } from "./batch.ts";
import { stack } from "./stack.ts";

/** Launches the runs of a batch of messages. */
export const dispatchWith = (open: () => Promise<App>) =>
  stack(async (event: SQSEvent, context: Context) => {
    const app = await open();
    return handleBatch(event.Records, context, (message) => dispatch(app, message));
  });

export const handler = dispatchWith(awsApp);
