import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { copySources, serverless } from "./sources.ts";

/** A copy whose agent needs Google. */
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-commands-"));
  copySources(folder);
  writeFileSync(join(folder, "sluice.yml"), "agents: { v: { backend: vertex } }\n");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What a command that fails says, in one line. */
async function refusal(line: readonly string[]): Promise<string> {
  const failed: unknown = await serverless(folder, line).then(
    () => "nothing",
    (error: unknown) => error,
  );
  const { stdout, stderr } = failed as { readonly stdout: string; readonly stderr: string };
  return `${stdout}\n${stderr}`.replaceAll(/\s+/g, " ");
}

test("a deployment is removed whatever its agents need: all it asks for is AWS", async () => {
  const said = await refusal(["remove", "--stage", "dev"]);
  expect(said).toContain("AWS provider credentials not found");
  expect(said).not.toContain("agents.v");
}, 60_000);

test("faults of agents and parameters are said in words, without the ways of the code", async () => {
  for (const [line, words] of [
    [[], 'agents.v: functions have no Google Cloud credentials: deploy with --param="'],
    [["--param=config=nowhere.yml"], "nowhere.yml is not valid: expected a file of YAML"],
    [["--param=keepDays=5"], "the deployment is not valid: keepDays: expected more than"],
    [["--param=apiRate=abc"], "the deployment is not valid: apiRate: expected a whole number"],
    [
      ["--param", "dispatchConcurency=5"],
      "the deployment is not valid: dispatchConcurency: expected one of the parameters config, googleCredentials, dispatchConcurrency, apiRate, ",
    ],
  ] as const) {
    const said = await refusal(["package", ...line]);
    expect(said).toContain(words);
    expect(said).not.toMatch(/\.[cm]?[jt]s:\d/);
  }
}, 120_000);
