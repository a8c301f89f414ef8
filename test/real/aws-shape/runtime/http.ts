import type { IncomingMessage, ServerResponse } from "node:http";
import type { APIGatewayProxyStructuredResultV2 } from "aws-lambda";
import { bytesOf, type Served, serve } from "../../../fakes/serve.ts";
import type { RawAws } from "./aws.ts";

/** What of the deployment the gateway needs. */
export interface GatewayOptions {
  readonly aws: RawAws;
  readonly region: string;
  /** Calls a function by its ARN. */
  invoke(functionArn: string, event: unknown): Promise<unknown>;
}

/** A route of an API, as far as there are such: the one that takes every request. */
interface Route {
  readonly apiId: string;
  readonly routeKey: string;
  readonly stage: string;
  readonly functionArn: string;
}

/**
 * Serves the deployed HTTP API on loopback as API Gateway does: requests become events of payload format
 * 2.0, answers become responses, and what a function throws is a 500 that says nothing.
 */
export async function serveApi(options: GatewayOptions): Promise<Served> {
  const route = await readRoute(options.aws);
  return serve(async (incoming, outgoing) => {
    const body = await bytesOf(incoming);
    if (route === undefined) return refuse(outgoing, 404, "Not Found");
    const event = eventOf(incoming, body, { ...route, region: options.region });
    let answer: unknown;
    try {
      answer = await options.invoke(route.functionArn, event);
    } catch {
      return refuse(outgoing, 500, "Internal Server Error");
    }
    write(outgoing, answer);
  });
}

interface Items {
  readonly items: readonly Readonly<Record<string, string>>[];
}

/** The route of the one API that is deployed; undefined if there is no API. Throws for other routes. */
async function readRoute(aws: RawAws): Promise<Route | undefined> {
  const list = async (path: string) =>
    ((await aws.get("apigateway", `/v2/apis${path}`)) as unknown as Items).items;
  const [api] = await list("");
  if (api === undefined) return undefined;
  const apiId = api["apiId"] ?? "";
  const [stage] = await list(`/${apiId}/stages`);
  const [route, ...others] = await list(`/${apiId}/routes`);
  if (route?.["routeKey"] !== "$default" || others.length > 0) {
    throw new Error("only APIs with the route $default alone are served here");
  }
  const integrations = await list(`/${apiId}/integrations`);
  const integration = integrations.find(
    ({ integrationId }) => route["target"] === `integrations/${integrationId}`,
  );
  if (integration?.["payloadFormatVersion"] !== "2.0") {
    throw new Error("only integrations with payload format 2.0 are served here");
  }
  const functionArn = integration["integrationUri"] ?? "";
  return { apiId, routeKey: "$default", stage: stage?.["stageName"] ?? "", functionArn };
}

/** A request as the function sees it. Headers of the same name are joined; cookies have a place of their own. */
function eventOf(
  { url = "/", method = "GET", headers: { cookie, ...headers } }: IncomingMessage,
  body: Buffer,
  { apiId, routeKey, stage, region }: Route & { readonly region: string },
) {
  const [rawPath = "/", ...query] = url.split("?");
  const rawQueryString = query.join("?");
  const host = `${apiId}.execute-api.${region}.amazonaws.com`;
  const text = isText(headers["content-type"]);
  const now = new Date();
  return {
    version: "2.0",
    routeKey,
    rawPath,
    rawQueryString,
    ...(cookie === undefined ? {} : { cookies: cookie.split("; ") }),
    headers: { ...joined(headers), host },
    ...(rawQueryString === "" ? {} : { queryStringParameters: parametersOf(rawQueryString) }),
    requestContext: {
      accountId: "123456789012",
      apiId,
      domainName: host,
      domainPrefix: apiId,
      http: {
        method,
        path: rawPath,
        protocol: "HTTP/1.1",
        sourceIp: "127.0.0.1",
        userAgent: headers["user-agent"] ?? "",
      },
      requestId: crypto.randomUUID(),
      routeKey,
      stage,
      time: now.toUTCString(),
      timeEpoch: now.getTime(),
    },
    ...(body.byteLength === 0 ? {} : { body: body.toString(text ? "utf8" : "base64") }),
    isBase64Encoded: body.byteLength > 0 && !text,
  };
}

function isText(type = "text/plain"): boolean {
  return /^(text\/|application\/(json|javascript|xml|[a-z0-9.-]+\+(json|xml))\b)/.test(type);
}

function joined(headers: IncomingMessage["headers"]): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, String(value ?? "")]),
  );
}

function parametersOf(query: string): Record<string, string> {
  const given = new URLSearchParams(query);
  return Object.fromEntries([...given.keys()].map((name) => [name, given.getAll(name).join(",")]));
}

/** What has no status is the body of a 200 as JSON. */
function write(outgoing: ServerResponse, answer: unknown): void {
  const given = answer as APIGatewayProxyStructuredResultV2 | null;
  if (given?.statusCode === undefined) {
    outgoing.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
    return;
  }
  const { statusCode, headers = {}, cookies, body = "", isBase64Encoded } = given;
  outgoing.statusCode = statusCode;
  for (const [name, value] of Object.entries(headers)) outgoing.setHeader(name, String(value));
  if (cookies !== undefined) outgoing.setHeader("set-cookie", cookies);
  outgoing.end(Buffer.from(body, isBase64Encoded === true ? "base64" : "utf8"));
}

function refuse(outgoing: ServerResponse, status: number, message: string): void {
  outgoing.writeHead(status, { "content-type": "application/json" });
  outgoing.end(JSON.stringify({ message }));
}
