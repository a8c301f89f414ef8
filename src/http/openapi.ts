import * as z from "zod";
import { problemSchema } from "./problem.ts";
import type { Route } from "./route.ts";

/** Describes the API in OpenAPI 3.1, from the routes that serve it. */
export function openApi(routes: readonly Route[]): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const path = route.path.replaceAll(/:(\w+)/g, "{$1}");
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Sluice",
      version: "1",
      description: "Dispatches flow runs. Errors are RFC 9457 problem documents.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    paths,
    components: {
      securitySchemes: {
        token: { type: "http", scheme: "bearer", description: "Scopes: read, run, admin." },
      },
      schemas: { Problem: jsonSchema(problemSchema) },
    },
    security: [{ token: [] }],
  };
}

function operation(route: Route): object {
  const responses = Object.entries(route.responses).map(([status, { description, schema }]) => [
    status,
    { description, ...(schema === undefined ? {} : content(jsonSchema(schema))) },
  ]);
  return {
    operationId: route.operationId,
    summary: route.summary,
    ...(route.scope === "open" ? { security: [] } : { "x-scope": route.scope }),
    parameters: [...pathParameters(route), ...queryParameters(route)],
    ...(route.body === undefined
      ? {}
      : { requestBody: { required: true, ...content(jsonSchema(route.body, "input")) } }),
    responses: {
      ...Object.fromEntries(responses),
      default: {
        description: "An error.",
        content: {
          "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } },
        },
      },
    },
  };
}

function pathParameters({ path }: Route): object[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
}

function queryParameters({ query = {} }: Route): object[] {
  return Object.entries(query).map(([name, description]) => ({
    name,
    in: "query",
    description,
    schema: { type: "string" },
  }));
}

function content(schema: object): object {
  return { content: { "application/json": { schema } } };
}

function jsonSchema(schema: z.ZodType, io: "input" | "output" = "output"): object {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: "any" });
  return rest;
}
