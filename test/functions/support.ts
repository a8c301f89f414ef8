import type { APIGatewayProxyEventV2, Context, SQSEvent } from "aws-lambda";

/** An invocation with so many milliseconds left; half a minute unless told. */
export function invocation(remainingMs = 30_000): Context {
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName: "sluice-test-dispatch",
    functionVersion: "$LATEST",
    invokedFunctionArn: "arn:aws:lambda:eu-west-1:123456789012:function:sluice-test-dispatch",
    memoryLimitInMB: "512",
    awsRequestId: "00000000-0000-4000-8000-000000000000",
    logGroupName: "/aws/lambda/sluice-test-dispatch",
    logStreamName: "2026/11/21/[$LATEST]0",
    getRemainingTimeInMillis: () => remainingMs,
    done: () => undefined,
    fail: () => undefined,
    succeed: () => undefined,
  };
}

/** A batch of messages by id, as the queue's event source hands it over. */
export function sqsEvent(bodies: Readonly<Record<string, unknown>>): SQSEvent {
  return {
    Records: Object.entries(bodies).map(([messageId, body]) => ({
      messageId,
      receiptHandle: `receipt-${messageId}`,
      body: typeof body === "string" ? body : JSON.stringify(body),
      attributes: {
        ApproximateReceiveCount: "1",
        SentTimestamp: "1795248000000",
        SenderId: "AIDAEXAMPLE",
        ApproximateFirstReceiveTimestamp: "1795248000100",
      },
      messageAttributes: {},
      md5OfBody: "",
      eventSource: "aws:sqs",
      eventSourceARN: "arn:aws:sqs:eu-west-1:123456789012:sluice-test-runs",
      awsRegion: "eu-west-1",
    })),
  };
}

/** A request of the API by the holder of the token `secret`, as API Gateway hands it over. */
export function apiRequest(method: string, path: string, body?: unknown): APIGatewayProxyEventV2 {
  const host = "abc123.execute-api.eu-west-1.amazonaws.com";
  return {
    version: "2.0",
    routeKey: "$default",
    rawPath: path,
    rawQueryString: "",
    headers: { host, authorization: "Bearer secret", "content-type": "application/json" },
    requestContext: {
      accountId: "123456789012",
      apiId: "abc123",
      domainName: host,
      domainPrefix: "abc123",
      http: { method, path, protocol: "HTTP/1.1", sourceIp: "192.0.2.1", userAgent: "test" },
      requestId: "1",
      routeKey: "$default",
      stage: "$default",
      time: "21/Nov/2026:12:00:00 +0000",
      timeEpoch: 1795262400000,
    },
    isBase64Encoded: false,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  };
}

/** A message that asks for a run. */
export const RUN = { flow: { name: "hello", command: "echo hello" } };
