import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { makeFolder, SLUICE } from "./sluice.ts";

/** Makes a process take itself for an older Node, but not the processes it starts. */
const OLD_NODE = [
  "--import",
  `data:text/javascript,Object.defineProperty(process.versions,"node",{value:"18.20.0"})`,
];

const WAITS = "flow: { name: waits, command: 'echo started; sleep 60' }";

describe("bin/sluice on an older Node", () => {
  test("hands over to the packaged one, with arguments, streams and exit code", async () => {
    const folder = makeFolder({ "bad.yml": "flow: { name: bad, command: 'echo \"$0\"; exit 3' }" });
    const watched = await folder.run(["run", "bad.yml", "--watch"], { node: OLD_NODE });
    expect(watched).toMatchObject({
      code: 1,
      stderr: "",
      stdout: expect.stringContaining("exit code 3"),
    });
    const planned = await folder.run(["plan"], { node: OLD_NODE, input: "x\n" });
    expect(planned).toMatchObject({ code: 0, stdout: expect.stringContaining('"ok":false') });
    const usage = await folder.run(["nonsense"], { node: OLD_NODE });
    expect(usage.code).toBe(2);
  });

  test("adds nothing to the environment", async () => {
    const folder = makeFolder();
    const input =
      '{"flow":{"name":"a","command":["true"]},"run_id":"r","agent":{"backend":"local","inherit":["*"]}}';
    const names = async (node: readonly string[]) => {
      const { stdout } = await folder.run(["plan"], { node, input });
      return Object.keys((JSON.parse(stdout) as { launch: { env: object } }).launch.env).sort();
    };
    expect(await names(OLD_NODE)).toEqual(await names([]));
  });

  test.each(["SIGINT", "SIGTERM"] as const)("passes %s on, as one", async (signal) => {
    const folder = makeFolder({ "waits.yml": WAITS });
    const watching = folder.start(["run", "waits.yml", "--name", "w", "--watch"], {
      node: OLD_NODE,
    });
    await watching.shows("\nstarted\n");
    watching.child.kill(signal);
    const { code, stderr } = await watching.ended;
    expect(code).toBe(signal === "SIGINT" ? 130 : 143);
    expect(stderr).toContain("The run goes on.");
    await folder.run(["cancel", "w"]);
    await folder.run(["logs", "-f", "w"]);
  });

  test("says what is missing where no Node is packaged", async () => {
    const elsewhere = mkdtempSync(join(tmpdir(), "sluice-bin-"));
    cpSync(SLUICE, join(elsewhere, "sluice.mjs"));
    const run = promisify(execFile)(process.execPath, [...OLD_NODE, join(elsewhere, "sluice.mjs")]);
    const error = await run.catch((error: unknown) => error);
    rmSync(elsewhere, { recursive: true });
    expect(error).toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringContaining("Install Node 24"),
    });
  });

  test("does not start itself for ever if the packaged one is too old as well", async () => {
    const node = [...OLD_NODE, "--disable-warning=ExperimentalWarning"];
    const { code, stderr } = await makeFolder().run(["runs"], { node });
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("needs Node 24") });
  });
});

describe("bin/sluice", () => {
  test("shows no warnings of Node unless asked", async () => {
    const warn = `data:text/javascript,setTimeout(()=>process.emitWarning("of old","DeprecationWarning"),1)`;
    const node = ["--import", warn];
    const input = "a line\n";
    expect((await makeFolder().run(["plan"], { node, input })).stderr).toBe("");
    const asked = await makeFolder().run(["plan"], { node: [...node, "--trace-warnings"], input });
    expect(asked.stderr).toContain("of old");
  });
});
