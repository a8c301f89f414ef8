import { injectLambdaContext } from "@aws-lambda-powertools/logger/middleware";
import { logMetrics } from "@aws-lambda-powertools/metrics/middleware";
import { captureLambdaHandler } from "@aws-lambda-powertools/tracer/middleware";
import { default as middy } from "@middy/core";
import type { Context } from "aws-lambda";
import { lambdaLogger, metrics, tracer } from "../src/aws/powertools.ts";

/** What every function has around it: log lines name their invocation, traces and metrics are sent. */
export function stack<Event, Answer>(work: (event: Event, context: Context) => Promise<Answer>) {
  return middy<Event, Answer>()
    .use(captureLambdaHandler(tracer, { captureResponse: false }))
    .use(injectLambdaContext(lambdaLogger))
    .use(logMetrics(metrics))
    .handler((event: Event, context: Context) => work(event, context));
}
