import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { PermanentError } from "../../src/errors.ts";
import type { JsonObject, JsonValue } from "../../src/json.ts";
import * as builders from "../../src/run-config/builders.ts";
import { parseRunConfig, type RunConfig } from "../../src/run-config/index.ts";
import { serializeRunConfig } from "../../src/run-config/serialize.ts";
import { comparison, readVectors } from "../compatibility/compare.ts";

interface Refusal {
  /** Prefect's validation: codes by field, nested for entries of lists. */
  readonly fields?: JsonObject;
  /** Prefect's constructors: what the text of the error must name. */
  readonly mentions?: readonly string[];
}

type Vector = { readonly name: string; readonly expect: { readonly error?: Refusal } } & (
  | {
      readonly op: "construct";
      readonly class: keyof typeof BUILDERS;
      readonly kwargs: JsonObject;
      readonly cwd?: string;
      readonly files?: Readonly<
        Record<string, { readonly data?: JsonValue; readonly text?: string }>
      >;
    }
  | { readonly op: "load"; readonly wire: JsonValue }
);

const BUILDERS = {
  UniversalRun: builders.universalRun,
  LocalRun: builders.localRun,
  DockerRun: builders.dockerRun,
  KubernetesRun: builders.kubernetesRun,
  ECSRun: builders.ecsRun,
  VertexRun: builders.vertexRun,
} satisfies Record<string, (options: never) => JsonObject>;

const folder = mkdtempSync(join(tmpdir(), "sluice-templates-"));
afterAll(() => rmSync(folder, { recursive: true }));

const recorded = comparison("serialization");
const vectors = readVectors<Vector>("serialization");

describe("run configs on the wire", () => {
  it("are recorded in 118 cases", () => {
    expect(vectors).toHaveLength(118);
  });

  it.each(vectors)("$name is as Prefect 1.4.1 has it", (vector) => {
    const { error } = vector.expect;
    const expected = error === undefined ? vector.expect : { error: comparable(error) };
    recorded.compare(vector.name, expected, outcomeOf(vector, error));
  });
});

function outcomeOf(vector: Vector, expected: Refusal | undefined): JsonObject {
  if (vector.op === "load") return loaded(vector.wire, expected);
  try {
    const wire = construct(vector.class, placed(vector));
    return { wire, round_trip_equal: survives(wire) };
  } catch (error) {
    if (!(error instanceof PermanentError)) throw error;
    return refusal(error.issues, expected);
  }
}

/**
 * The arguments of a case whose files are in a folder of this machine: what is said from the recorded
 * directory on is said from the directory of this process on.
 */
function placed({ kwargs, cwd = "", files = {} }: Vector & { op: "construct" }): JsonObject {
  for (const [file, { data, text }] of Object.entries(files)) {
    const path = file.replace(cwd, folder);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text ?? JSON.stringify(data));
  }
  return Object.fromEntries(
    Object.entries(kwargs).map(([name, value]) => {
      if (!name.endsWith("_path") || typeof value !== "string") return [name, value];
      if (value.startsWith("defs/")) return [name, relative(process.cwd(), join(folder, value))];
      return [name, value.replace(cwd, folder)];
    }),
  );
}

function construct(type: keyof typeof BUILDERS, kwargs: JsonObject): JsonObject {
  const options = Object.entries(kwargs).map(([name, value]) => [
    name.replace(/_./g, (match) => match.slice(1).toUpperCase()),
    value,
  ]);
  return (BUILDERS[type] as (options: JsonObject) => JsonObject)(Object.fromEntries(options));
}

function loaded(wire: JsonValue, expected: Refusal | undefined): JsonObject {
  const parsed = parseRunConfig(wire);
  if (!parsed.ok) return refusal(parsed.issues, expected);
  const redump = serializeRunConfig(parsed.config);
  const { type, __version__, ...attributes } = redump;
  expect(__version__).toBe("1.4.1");
  return { class: type, attributes, redump };
}

function survives(wire: JsonObject): boolean {
  const first = read(wire);
  expect(read(serializeRunConfig(first))).toEqual(first);
  return true;
}

function read(wire: JsonObject): RunConfig {
  const parsed = parseRunConfig(wire);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
  return parsed.config;
}

/** Faults of fields compare by their paths, those of constructors by what the text names. */
function comparable({ fields, mentions }: Refusal): JsonObject {
  if (fields !== undefined) return { paths: pathsOf(fields).sort() };
  return { mentions: mentions ?? [] };
}

function pathsOf(fields: JsonObject, at = ""): string[] {
  return Object.entries(fields).flatMap(([key, codes]) => {
    const path = key === "_schema" ? at : `${at}${key}`;
    return Array.isArray(codes) ? [path] : pathsOf(codes as JsonObject, `${path}.`);
  });
}

function refusal(
  issues: readonly { readonly path: string; readonly message: string }[],
  expected: Refusal | undefined,
): JsonObject {
  if (expected?.fields !== undefined) {
    return { error: { paths: issues.map(({ path }) => path).sort() } };
  }
  const text = issues.map(({ path, message }) => `${path} ${message}`).join(" ");
  const words = new Set(text.split(/\W+/));
  return { error: { mentions: (expected?.mentions ?? []).filter((name) => words.has(name)) } };
}
