import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { packageConfig } from "../../scripts/package-config.ts";
import { checkParameters } from "../../scripts/serverless-variables.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-package-config-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function packaged(yaml: string): Promise<unknown> {
  const config = join(folder, "sluice.yml");
  writeFileSync(config, `agents:\n${yaml}`);
  await packageConfig(config, join(folder, "out"));
  return JSON.parse(readFileSync(join(folder, "out", "sluice.json"), "utf8"));
}

test("a deployed ECS agent that lists no definitions allows none", async () => {
  expect(
    await packaged(
      "  a: { backend: ecs }\n  b: { backend: ecs, task_definition_arns: [etl] }\n  c: { backend: vertex }",
    ),
  ).toEqual({
    agents: {
      a: { backend: "ecs", task_definition_arns: [] },
      b: { backend: "ecs", task_definition_arns: ["etl"] },
      c: { backend: "vertex" },
    },
  });
});

test("the files agents name are packaged by their paths, from where the agents stand", async () => {
  mkdirSync(join(folder, "tasks"));
  writeFileSync(join(folder, "tasks", "a.yml"), "family: a\n");
  await packaged(
    `  a: { backend: ecs, task_definition_path: tasks/a.yml, templates: ["agent://${folder}/tasks/"] }`,
  );
  // The file of the agents may itself be named from here.
  await packageConfig(relative(process.cwd(), join(folder, "sluice.yml")), join(folder, "out"));
  const files = join(folder, "out", "files");
  expect(readFileSync(join(files, "tasks", "a.yml"), "utf8")).toBe("family: a\n");
  expect(readFileSync(join(files, folder, "tasks", "a.yml"), "utf8")).toBe("family: a\n");
});

test("files that are not there and clusters nobody names are refused together", async () => {
  await expect(
    packaged("  a: { backend: ecs, run_task_kwargs_path: kwargs.json }"),
  ).rejects.toMatchObject({
    code: "invalid",
    issues: [
      { path: "agents.a.run_task_kwargs_path", message: expect.stringContaining("kwargs.json") },
      { path: "agents.a.cluster", message: expect.stringContaining("rights") },
    ],
  });
});

test("an agent of a cluster whose kubeconfig functions cannot have is refused", async () => {
  for (const kubeconfig of ["", ", kubeconfig: ~/.kube/config"]) {
    await expect(packaged(`  k: { backend: kubernetes${kubeconfig} }`)).rejects.toMatchObject({
      issues: [{ path: "agents.k.kubeconfig", message: expect.stringContaining("ssm:") }],
    });
  }
  await packaged('  k: { backend: kubernetes, kubeconfig: { secret: "ssm:/k" } }');
});

test("parameters that AWS would refuse, or that would lose runs, are refused together", () => {
  checkParameters({ dispatchConcurrency: "2", keepDays: 15 });
  expect(() => checkParameters({ dispatchConcurrency: 1, keepDays: "14" })).toThrow(
    /dispatchConcurrency: expected .* 2 to 1000, got 1; keepDays: expected .* 14 days .*, got 14/,
  );
});
