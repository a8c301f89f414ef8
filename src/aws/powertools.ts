import { Logger as LambdaLogger } from "@aws-lambda-powertools/logger";
import { Metrics } from "@aws-lambda-powertools/metrics";
import { Tracer } from "@aws-lambda-powertools/tracer";
import type { LogFields, Logger } from "../log.ts";

// Each of them takes the name of the service from POWERTOOLS_SERVICE_NAME.

/** Writes log lines as JSON, with the invocation they belong to. */
export const lambdaLogger = new LambdaLogger();

/** Writes metrics into the log, where CloudWatch finds them (EMF): no call, no time. */
export const metrics = new Metrics({ namespace: "Sluice" });

/** Sends traces to X-Ray; does nothing outside of Lambda. */
export const tracer = new Tracer();

/** The same log for the core. */
export const log: Logger = {
  info: (message, fields) => lambdaLogger.info(message, safe(fields)),
  warn: (message, fields) => lambdaLogger.warn(message, safe(fields)),
  error: (message, fields) => lambdaLogger.error(message, safe(fields)),
};

/** Fields stand below one key, so that none can take the place of the logger's own. */
function safe(fields: LogFields = {}): { readonly fields?: LogFields } {
  return Object.keys(fields).length === 0 ? {} : { fields };
}
