import { MetricUnit } from "@aws-lambda-powertools/metrics";
import type {
  APIGatewayProxyEventV2,
  APIGatewayProxyStructuredResultV2,
  Context,
} from "aws-lambda";
import { handle, type LambdaContext, type LambdaEvent } from "hono/aws-lambda";
import type { App } from "../src/app.ts";
import { awsApp } from "../src/aws/app.ts";
import { metrics } from "../src/aws/powertools.ts";
import { httpApp } from "../src/http/app.ts";
import { stack } from "./stack.ts";

/** Serves the HTTP API. API Gateway has checked the host. */
export const apiWith = (open: () => Promise<App>) => {
  let served: ReturnType<typeof handle> | undefined;
  return stack(async (event: APIGatewayProxyEventV2, context: Context) => {
    served ??= handle(httpApp(await open(), { hosts: "any" }));
    metrics.addMetric("ApiRequests", MetricUnit.Count, 1);
    const asked = event as unknown as LambdaEvent;
    const answer = await served(asked, context as unknown as LambdaContext);
    return answer as APIGatewayProxyStructuredResultV2;
  });
};

export const handler = apiWith(awsApp);
