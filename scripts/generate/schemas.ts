import * as z from "zod";
import { backends } from "../../src/backends/index.ts";
import { agentShape } from "../../src/config.ts";
import { flowSchema } from "../../src/flow.ts";
import { messageSchema } from "../../src/message.ts";
import { orionSchemas } from "../../src/run-config/orion.ts";
import { prefect1Schemas } from "../../src/run-config/prefect1.ts";
import type { Generated } from "../generate.ts";

/** The JSON Schemas: of a message, a flow, each run config and flow runner, and `sluice.yml`. */
export async function schemaFiles(): Promise<Generated[]> {
  const runConfigs = [...prefect1Types(), ...orionTypes()];
  const references = runConfigs.map(([type]) => ({ $ref: `${fileOf(type)}.json` }));
  return [
    ...runConfigs.map(([type, schema]) => file(fileOf(type), type, schema)),
    file("message", "A request for a run", withRunConfigs(toJson(messageSchema), references)),
    file("flow", "A flow", withRunConfigs(toJson(flowSchema), references)),
    file("sluice-yml", "sluice.yml", await configSchema()),
  ];
}

function fileOf(type: string): string {
  return /^[A-Z]/.test(type) ? `run-config-${type}` : `flow-runner-${type}`;
}

function prefect1Types(): [string, Json][] {
  return Object.entries(prefect1Schemas).map(([type, schema]) => {
    const { properties, ...rest } = toJson(schema);
    const own = { type: { const: type }, ...(properties as Json), __version__: { type: "string" } };
    return [type, { ...rest, properties: own, required: ["type"] }];
  });
}

function orionTypes(): [string, Json][] {
  return Object.entries(orionSchemas).map(([type, schema]) => [
    type,
    {
      type: "object",
      properties: { type: { const: type }, config: toJson(schema) },
      required: ["type"],
    },
  ]);
}

/** A run config with a type is one of the known ones; without, it is a patch and may be anything. */
function withRunConfigs(schema: Json, runConfigs: readonly Json[]): Json {
  const walk = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(walk);
    if (typeof value !== "object" || value === null) return value;
    const members = Object.entries(value).map(([key, member]) => {
      if (key !== "run_config") return [key, walk(member)];
      const { description } = member as Json;
      const patch = { type: "object", not: { required: ["type"] } };
      return [key, { description, anyOf: [...runConfigs, patch, { type: "null" }] }];
    });
    return Object.fromEntries(members);
  };
  return walk(schema) as Json;
}

async function configSchema(): Promise<Json> {
  const agents = await Promise.all(
    Object.entries(backends).map(async ([name, load]) => {
      const { backend } = await load();
      const options = toJson(backend.agentOptions);
      const common = toJson(z.strictObject({ ...agentShape, backend: z.literal(name) }));
      return {
        ...common,
        title: `An agent of backend ${name}`,
        properties: { ...(common["properties"] as Json), ...(options["properties"] as Json) },
        required: ["backend"],
      };
    }),
  );
  return {
    type: "object",
    properties: {
      agents: {
        type: "object",
        description: "Agents by name; among several that fit the first wins.",
        additionalProperties: { oneOf: agents },
      },
    },
    required: ["agents"],
    additionalProperties: false,
  };
}

type Json = { [key: string]: unknown };

function toJson(schema: z.ZodType): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
  return rest;
}

function file(name: string, title: string, schema: Json): Generated {
  const document = {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title,
    ...schema,
  };
  return { path: `schemas/${name}.json`, content: `${JSON.stringify(document, null, 2)}\n` };
}
