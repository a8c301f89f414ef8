import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { App } from "../app.ts";
import { messageOf, PermanentError } from "../errors.ts";
import type { JsonValue } from "../json.ts";
import { refuseInexact } from "../unfit.ts";
import { authenticate, checkHost } from "./auth.ts";
import { type ChangeFeed, eventStream } from "./events.ts";
import { openApi } from "./openapi.ts";
import { HttpError, problem, problemOf } from "./problem.ts";
import type { Answer, Route } from "./route.ts";
import { agentRoutes } from "./routes/agents.ts";
import { flowRoutes } from "./routes/flows.ts";
import { metaRoutes } from "./routes/meta.ts";
import { runRoutes } from "./routes/runs.ts";

/** What differs between the places in which the API is served. */
export interface HttpOptions {
  /** Host names it answers to beside those of loopback; `any` where others check that. */
  readonly hosts?: readonly string[] | "any";
  /** State changes as they happen; without it there is no `GET /events`. */
  readonly changes?: ChangeFeed;
}

/** What SQS takes, and so what the API takes. */
const MAX_REQUEST_BYTES = 1024 * 1024;

/** Every operation of the API that each shape serves. */
export const routes: readonly Route[] = [
  ...runRoutes,
  ...flowRoutes,
  ...agentRoutes,
  ...metaRoutes,
];

/** The HTTP API over an app: the same in both shapes. */
export function httpApp(app: App, options: HttpOptions = {}): Hono {
  const served = options.changes === undefined ? routes : [...routes, eventStream(options.changes)];
  const hono = new Hono();
  hono.use(async (context, next) => {
    checkHost(context.req.header("host"), options.hosts ?? []);
    await next();
    context.header("x-content-type-options", "nosniff");
    context.header("cache-control", "no-store");
  });
  hono.use(
    bodyLimit({
      maxSize: MAX_REQUEST_BYTES,
      onError: () => problem("too_large", `the body has more than ${MAX_REQUEST_BYTES} bytes`),
    }),
  );
  for (const route of served) {
    hono.on(route.method, route.path, (context) => serve(app, route, context));
  }
  const description = openApi(served);
  hono.get("/openapi.json", async (context) => {
    await authenticate(app, context.req.header("authorization"), "read");
    return context.json(description);
  });
  hono.notFound((context) => unknownRoute(served, context));
  hono.onError((error) => {
    const known = problemOf(error);
    if (known !== undefined) return known;
    app.log.error("request failed", { reason: messageOf(error) });
    return problem("internal", "Sluice failed to answer; its log says why");
  });
  return hono;
}

async function serve(app: App, route: Route, context: Context): Promise<Response> {
  const { req } = context;
  const token =
    route.scope === "open"
      ? undefined
      : await authenticate(app, req.header("authorization"), route.scope);
  const answer = await route.handle({
    app,
    params: req.param(),
    query: req.query(),
    body: route.body === undefined ? null : await readJson(context),
    header: (name) => req.header(name),
    token,
    signal: req.raw.signal,
  });
  return toResponse(answer);
}

function toResponse(answer: Answer): Response {
  if (answer instanceof Response) return answer;
  return Response.json(answer.body, {
    status: answer.status,
    ...(answer.headers === undefined ? {} : { headers: answer.headers }),
  });
}

async function readJson({ req }: Context): Promise<JsonValue> {
  const type = (req.header("content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  if (type !== "application/json" && !type.endsWith("+json")) {
    throw new HttpError(
      "wrong_media_type",
      `expected application/json, got ${type === "" ? "no content-type" : type}`,
    );
  }
  try {
    const text = await req.text();
    refuseInexact(text, "the body");
    return JSON.parse(text) as JsonValue;
  } catch (error) {
    // What the parser says quotes the body, which may hold secrets.
    if (error instanceof SyntaxError) throw new HttpError("not_json", "the body is not JSON");
    throw error;
  }
}

/** Tells a path nobody serves from one that is served with other methods. */
function unknownRoute(served: readonly Route[], { req }: Context): Response {
  const methods = served.filter((route) => matches(route, req.path)).map(({ method }) => method);
  if (methods.length > 0) {
    const allow = [...new Set(methods)].join(", ");
    return problem("wrong_method", `${req.path} takes ${allow}`, { headers: { allow } });
  }
  const error = new PermanentError("not_found", `there is no ${req.path}: see /openapi.json`);
  return problemOf(error) as Response;
}

function matches({ path }: Route, asked: string): boolean {
  return new RegExp(`^${path.replaceAll(/:\w+/g, "[^/]+")}$`).test(asked);
}
