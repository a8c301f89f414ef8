import { describe, it } from "vitest";
import { engines } from "../src/engines/index.ts";
import { PermanentError } from "../src/errors.ts";
import type { Flow } from "../src/flow.ts";
import { imageOf } from "../src/image.ts";
import type { JsonObject } from "../src/json.ts";
import { splitAddress } from "../src/templates/address.ts";
import { labelListText } from "../src/text/python.ts";
import { DOCKER_NAME, ECS_FAMILY, type SlugRules, slug, VERTEX_NAME } from "../src/text/slug.ts";
import { comparison, readVectors } from "./compatibility/compare.ts";
import { launchRequest } from "./contracts/request.ts";

type Vector = { readonly name: string; readonly expect: JsonObject } & (
  | { readonly op: "slug"; readonly use: string; readonly text: string }
  | {
      readonly op: "image";
      readonly flow: Flow;
      readonly run_config: JsonObject | null;
      readonly default: string | null;
    }
  | { readonly op: "command"; readonly flow: Flow }
  | { readonly op: "path"; readonly path: string }
  | { readonly op: "list_text"; readonly labels: readonly string[] }
);

const SLUGS: Readonly<Record<string, SlugRules>> = {
  ecs_family: ECS_FAMILY,
  vertex_name: VERTEX_NAME,
  docker_name: DOCKER_NAME,
};

// The op `merge` belongs to ECS and is compared in its own test.
const vectors = readVectors<Vector>("support", ({ op }: { op: string }) => op !== "merge");
const shared = comparison("support");

describe("recorded cases of shared rules", () => {
  it.each(vectors)("$name comes out as recorded", (vector) => {
    shared.compare(vector.name, vector.expect, answer(vector));
  });
});

function answer(vector: Vector): unknown {
  if (vector.op === "slug") return { slug: slug(vector.text, SLUGS[vector.use] ?? ECS_FAMILY) };
  if (vector.op === "command") return { command: commandIn(vector.flow) };
  if (vector.op === "list_text") return { text: labelListText(vector.labels) };
  if (vector.op === "image") {
    return orError(() => ({ image: imageIn(vector.flow, vector.run_config, vector.default) }));
  }
  const { scheme, host: netloc, path } = splitAddress(vector.path);
  return { scheme, netloc, path };
}

function imageIn(flow: Flow, runConfig: JsonObject | null, template: string | null): string {
  const { config } = launchRequest({ config: { options: runConfig ?? {} } });
  return imageOf({ flow, config, template, engine: engines.prefect1 });
}

/** The text a shell is given on ECS. */
function commandIn(flow: Flow): string | undefined {
  return engines.prefect1.command(launchRequest({ flow, agent: { backend: "ecs" } }))?.[2];
}

function orError(work: () => JsonObject): JsonObject {
  try {
    return work();
  } catch (error) {
    if (error instanceof PermanentError) return { error: { type: "ValueError" } };
    throw error;
  }
}
