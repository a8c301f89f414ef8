import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildLibrary } from "../scripts/build.ts";

/** A project that has Sluice installed as npm would, with its dependencies beside it and no sources. */
let project: string;
beforeAll(async () => {
  project = mkdtempSync(join(tmpdir(), "sluice-library-"));
  const installed = join(project, "node_modules", "sluice");
  mkdirSync(installed, { recursive: true });
  copyFileSync("package.json", join(installed, "package.json"));
  await buildLibrary(join(installed, "dist"));
  for (const name of ["zod", "yaml", "@types", "unidecode", "@renovatebot"])
    symlinkSync(resolve("node_modules", name), join(project, "node_modules", name));
  writeFileSync(join(project, "package.json"), '{ "type": "module" }');
}, 60_000);
afterAll(() => rmSync(project, { recursive: true, force: true }));

describe("an installed package", () => {
  test("gives builders whose results are messages as teams write them", () => {
    const code = `import { ecsRun } from "sluice";
      console.log(JSON.stringify(ecsRun({ cpu: 1024, labels: ["prod"] })));`;
    const text = execFileSync(process.execPath, ["--input-type=module", "-e", code], {
      cwd: project,
      encoding: "utf8",
    });
    expect(JSON.parse(text)).toMatchObject({ type: "ECSRun", cpu: "1024", labels: ["prod"] });
  });

  test("has types that know what each run config takes", { timeout: 60_000 }, () => {
    const calls = [
      'const message: MessageBody = { flow: "etl", run_config: ecsRun({ cpu: 1024 }) };',
      "ecsRun({ cpus: 1024 });",
    ];
    writeFileSync(
      join(project, "flow.ts"),
      `import { ecsRun, type MessageBody } from "sluice";\n${calls.join("\n")}`,
    );
    const faults = faultsOf("flow.ts").trim().split("\n");
    expect(faults).toEqual([expect.stringMatching(/^flow\.ts\(3,.* 'cpus' does not exist/)]);
  });
});

/** What the compiler says of a file of the project. */
function faultsOf(file: string): string {
  const tsc = resolve("node_modules/typescript/bin/tsc");
  const options = ["--noEmit", "--strict", "--module", "nodenext", "--types", "node"];
  try {
    return execFileSync(process.execPath, [tsc, ...options, file], {
      cwd: project,
      encoding: "utf8",
    });
  } catch (error) {
    return String((error as { readonly stdout?: unknown }).stdout);
  }
}
