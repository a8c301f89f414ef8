import { readFileSync } from "node:fs";

/** Vectors that nothing is compared with, by name, and why. The list is `exclusions.json`, by file. */
export interface Exclusion {
  readonly id: string;
  /** Why, for users. */
  readonly reason: string;
  readonly vectors: readonly string[];
}

/** A test file that compares the vectors of a file: all, or those of some operations. */
interface Claim {
  readonly test: string;
  readonly ops?: readonly string[];
}

/** Who compares what, by vector file. */
export const CLAIMS: Readonly<Record<string, readonly Claim[]>> = {
  agent_cycle: [{ test: "test/compatibility/agent-cycle.test.ts" }],
  docker: [{ test: "test/backends/docker/vectors.test.ts" }],
  ecs: [{ test: "test/backends/ecs/vectors.test.ts" }],
  ecs_legacy: [{ test: "test/backends/ecs/legacy.vectors.test.ts" }],
  kubernetes: [{ test: "test/backends/kubernetes/vectors.test.ts" }],
  kubernetes_monitor: [{ test: "test/backends/kubernetes/monitor-vectors.test.ts" }],
  labels: [{ test: "test/labels.vectors.test.ts" }],
  local: [{ test: "test/backends/local/vectors.test.ts" }],
  serialization: [{ test: "test/run-config/serialization.vectors.test.ts" }],
  support: [
    {
      test: "test/support.vectors.test.ts",
      ops: ["slug", "image", "path", "list_text", "command"],
    },
    { test: "test/backends/ecs/vectors.test.ts", ops: ["merge"] },
  ],
  vertex: [{ test: "test/backends/vertex/vectors.test.ts" }],
};

interface AnyVector {
  readonly name: string;
  readonly op?: string;
}

/** Every vector of a file. */
export function allVectors(vectorFile: string): readonly AnyVector[] {
  const path = new URL(`../vectors/${vectorFile}.json`, import.meta.url);
  return (JSON.parse(readFileSync(path, "utf8")) as { vectors: AnyVector[] }).vectors;
}

/** What of a file is compared with nothing. */
export function exclusionsOf(vectorFile: string): readonly Exclusion[] {
  const path = new URL("./exclusions.json", import.meta.url);
  const all = JSON.parse(readFileSync(path, "utf8")) as Record<string, readonly Exclusion[]>;
  return all[vectorFile] ?? [];
}

/** The names of the vectors of a file that a test file has to compare. */
export function claimedBy(testFile: string, vectorFile: string): readonly string[] {
  const claim = CLAIMS[vectorFile]?.find(({ test }) => testFile.endsWith(test));
  if (claim === undefined) return [];
  const excluded = new Set(exclusionsOf(vectorFile).flatMap(({ vectors }) => vectors));
  return allVectors(vectorFile)
    .filter(({ name, op = "" }) => !excluded.has(name) && (claim.ops?.includes(op) ?? true))
    .map(({ name }) => name);
}
