import { describe, expect, it } from "vitest";
import type { BackendModule } from "../../../src/backend.ts";
import { backend, localBackend } from "../../../src/backends/local/index.ts";
import type { JsonObject } from "../../../src/json.ts";
import type { PlanAnswer } from "../../../src/plan.ts";
import { comparison, readVectors } from "../../compatibility/compare.ts";
import { type PlanVector, planVector } from "../../compatibility/plan-vector.ts";

interface LocalVector extends PlanVector {
  readonly hostname: string;
  readonly environ: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly existing_dirs?: readonly string[];
  readonly expect: {
    readonly process?: JsonObject;
    readonly error?: { readonly mentions?: readonly string[] };
  };
}

const recorded = comparison("local");
const vectors = readVectors<LocalVector>("local");

describe("local processes", () => {
  it("are recorded in 64 cases", () => {
    expect(vectors).toHaveLength(64);
  });

  it.each(vectors)("$name is as Prefect 1.4.1 has it", async (vector) => {
    const { process, error } = vector.expect;
    const answer = await planVector(vector, {
      module: moduleFor(vector),
      // What Prefect does unless it is told otherwise.
      agent: { inherit: ["*"], hostname_label: vector.agent["hostname_label"] ?? true },
      world: { env: vector.environ, cwd: vector.cwd },
    });
    const expected = process ?? { refused: true, mentions: error?.mentions ?? [] };
    recorded.compare(vector.name, expected, outcomeOf(answer, error?.mentions ?? []));
  });
});

/** The backend on the machine of a vector. */
function moduleFor({ hostname, existing_dirs: folders = [] }: LocalVector): BackendModule {
  const machine = {
    isDirectory: async (path: string) => folders.includes(path),
    // The recorded address of the machine inside Docker Desktop.
    hostname: async () => (hostname === "docker-desktop" ? "192.0.2.7" : hostname),
  };
  return { ...backend, open: (agent, world) => localBackend(agent, world, machine) };
}

function outcomeOf(answer: PlanAnswer, mentions: readonly string[]): JsonObject {
  if (!answer.ok) {
    const { message } = answer.error;
    expect(answer.error.code, message).not.toBe("internal");
    return { refused: true, mentions: mentions.filter((word) => message.includes(word)) };
  }
  const { command, cwd, env } = answer.launch;
  return { argv: command, cwd, env };
}
