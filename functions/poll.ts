import { MetricUnit } from "@aws-lambda-powertools/metrics";
import type { Context, ScheduledEvent } from "aws-lambda";
import type { App } from "../src/app.ts";
import { awsApp } from "../src/aws/app.ts";
import { metrics } from "../src/aws/powertools.ts";
import { pollInRounds } from "../src/aws/rounds.ts";
import { PAGE_MS } from "../src/poll.ts";
import { stack } from "./stack.ts";

/** A tick takes no new runs so long before its end: it still works on the page it has, and reports. */
const MARGIN_MS = PAGE_MS + 5_000;

/** Brings every due run to its next state, as far as the time of a tick goes. */
export const pollWith = (open: () => Promise<App>) => {
  const tick = pollInRounds();
  return stack(async (_: ScheduledEvent, context: Context) => {
    const app = await open();
    const signal = app.timeout(Math.max(0, context.getRemainingTimeInMillis() - MARGIN_MS));
    let failed = 0;
    const partFailed = () => void (failed += 1);
    const { runs, finished } = await tick({ ...app, partFailed }, signal);
    metrics.addMetric("DueRuns", MetricUnit.Count, runs);
    metrics.addMetric("TicksCutShort", MetricUnit.Count, finished ? 0 : 1);
    // A metric costs only where something was put into it.
    if (failed > 0) metrics.addMetric("FailedParts", MetricUnit.Count, failed);
  });
};

export const handler = pollWith(awsApp);
