import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type PackageOptions, packageConfig } from "../../scripts/package-config.ts";
import { variables } from "../../scripts/serverless-variables.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-package-config-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function packaged(yaml: string, options: PackageOptions = {}): Promise<unknown> {
  const config = join(folder, "sluice.yml");
  writeFileSync(config, `agents:\n${yaml}`);
  await packageConfig(config, join(folder, "out"), options);
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

test("roles that agents name are ARNs, for nothing else can stand in a policy", async () => {
  const agent = "backend: ecs, task_role_arn: flowrole, execution_role_arn: role/pull";
  await expect(packaged(`  a: { ${agent} }`)).rejects.toMatchObject({
    code: "invalid",
    issues: [
      { path: "agents.a.task_role_arn", message: expect.stringMatching(/ARN.*got flowrole/) },
      {
        path: "agents.a.execution_role_arn",
        message: expect.stringMatching(/ARN.*got role\/pull/),
      },
    ],
  });
  await packaged(`  a: { ${agent}, remote: true }`);
  await packaged('  a: { backend: ecs, task_role_arn: "arn:aws:iam::123456789012:role/flow" }');
});

test.each(["agent:///", "agent:///etc/.."])(
  "an agent that allows %s, all files of its machine, is refused",
  async (entry) => {
    await expect(packaged(`  a: { backend: ecs, templates: ["${entry}"] }`)).rejects.toMatchObject({
      issues: [{ path: "agents.a.templates", message: expect.stringContaining("below /") }],
    });
  },
);

test("an agent of a cluster whose kubeconfig functions cannot have is refused", async () => {
  for (const kubeconfig of ["", ", kubeconfig: ~/.kube/config"]) {
    await expect(packaged(`  k: { backend: kubernetes${kubeconfig} }`)).rejects.toMatchObject({
      issues: [{ path: "agents.k.kubeconfig", message: expect.stringContaining("ssm:") }],
    });
  }
  await packaged('  k: { backend: kubernetes, kubeconfig: { secret: "ssm:/k" } }');
});

test.each([
  ["jobs of Vertex AI", "backend: vertex", ""],
  ["another address of it", "backend: vertex, api_endpoint: https://x.example.com", ""],
  ["templates in Cloud Storage", 'backend: ecs, templates: ["gs://b/t/"]', ".templates"],
  ["a template there", "backend: ecs, task_definition_path: gcs://b/t", ".task_definition_path"],
])(
  "an agent that needs Google for %s is refused where functions have no credentials for it",
  async (_, agent, key) => {
    await expect(packaged(`  g: { ${agent} }`, { google: false })).rejects.toMatchObject({
      issues: [
        {
          path: `agents.g${key}`,
          message: expect.stringContaining('--param="googleCredentials=FILE"'),
        },
      ],
    });
    await packaged(`  g: { ${agent} }`, { google: true });
  },
);

test("an agent that sends Google no credentials needs none", async () => {
  const options = { google: false };
  await packaged('  fake: { backend: vertex, api_endpoint: "http://localhost:1" }', options);
  await packaged('  box: { backend: docker, templates: ["gs://b/t/"] }', options);
  await packaged("  far: { backend: vertex, remote: true }", options);
});

test("a deployment knows whether its functions have credentials for Google", async () => {
  const config = join(folder, "sluice.yml");
  writeFileSync(config, "agents:\n  g: { backend: vertex }");
  const given = { config, googleCredentials: "", region: "eu-west-1" };
  await expect(variables(given)).rejects.toThrow(/agents\.g.*googleCredentials/);
});

test.each(["s3://b/*", "s3://b/a*.yml", "s3://b/${stage}/t.yml"])(
  "the address %s is refused, for in a policy it would mean something else",
  async (address) => {
    const agent = `{ backend: ecs, task_definition_path: "${address}", templates: ["${address}"] }`;
    const message = expect.stringContaining(address);
    await expect(packaged(`  a: ${agent}`)).rejects.toMatchObject({
      issues: [
        { path: "agents.a.task_definition_path", message },
        { path: "agents.a.templates", message },
      ],
    });
  },
);
