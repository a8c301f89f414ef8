import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { jsonLines, makeFolder } from "./sluice.ts";

const HELLO = `
flow:
  name: hello
  command: echo "hello $SLUICE_PARAMETERS"
parameters: { who: world }
`;

/** A flow that runs until a file is there. */
const WAITS = `
flow:
  name: waits
  command: echo started; while ! [ -e go ]; do sleep 0.1; done; echo done
`;

const LOCAL = "agents:\n  here: { backend: local }\n  gpu: { backend: local, labels: [gpu] }\n";

describe("run", () => {
  test("launches what a file describes and says how to follow it", async () => {
    const folder = makeFolder({ "hello.yml": HELLO, "sluice.yml": LOCAL });
    const { code, stdout } = await folder.run(["run", "hello.yml", "--name", "first"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^first \([0-9a-f-]{36}\) (submitted|running|succeeded): /);
    const [run] = await folder.json(["show", "first"]);
    expect(run).toMatchObject({ name: "first", agent: "here", flow: { name: "hello" } });
  });

  test("with --watch shows states and log, and ends with 0 when the run succeeded", async () => {
    const folder = makeFolder({ "hello.yml": HELLO });
    const { code, stdout, stderr } = await folder.run(["run", "hello.yml", "--watch"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain('\nhello {"who":"world"}\n');
    const states = stdout.match(/\) (\w+)(:|$)/gm)?.map((text) => text.replace(/\W/g, ""));
    expect(states).toEqual(expect.arrayContaining(["launching", "succeeded"]));
    expect(stdout.trim().split("\n").at(-1)).toMatch(/succeeded: exit code 0$/);
  });

  test("with --watch ends with 1 when the run failed", async () => {
    const folder = makeFolder({ "bad.yml": "flow: { name: bad, command: 'echo oops; exit 3' }" });
    const { code, stdout } = await folder.run(["run", "bad.yml", "--watch"]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/\noops\n.*failed: exit code 3\n$/);
  });

  test("with --watch --json prints a document for each change and each line", async () => {
    const folder = makeFolder({ "hello.yml": HELLO });
    const lines = await folder.json(["run", "hello.yml", "--watch"]);
    expect(lines.filter(({ type }) => type === "log")).toEqual([
      { type: "log", line: { text: 'hello {"who":"world"}' } },
    ]);
    expect(lines.at(-1)).toMatchObject({ type: "state", run: { state: "succeeded", final: true } });
  });

  test("runs a registered flow with parameters, labels and settings of the line", async () => {
    const folder = makeFolder({
      "sluice.yml": LOCAL,
      "flow.yml":
        "name: show\ncommand: echo $A $B $SLUICE_PARAMETERS\nparameters: { x: 1, y: old }\n",
    });
    await folder.run(["register", "flow.yml"]);
    const args = [
      "--param",
      'y={"a":[1]}',
      "--param",
      "z=plain=text",
      "--param",
      "id=12345678901234567890",
      "--label",
      "gpu",
    ];
    const settings = ["--set", "env.A=one", "--set", "env.B=2"];
    const { stdout } = await folder.run(["run", "show", ...args, ...settings, "--watch"]);
    expect(stdout).toContain(
      '\none 2 {"x":1,"y":{"a":[1]},"z":"plain=text","id":"12345678901234567890"}\n',
    );
    expect(stdout).toContain("on agent gpu");
  });

  test.each([
    ["YAML", HELLO],
    ["JSON", '{"flow":{"name":"hello","command":["echo","hello"]}}'],
  ])("reads %s from standard input", async (_kind, input) => {
    const { code, stdout } = await makeFolder().run(["run", "-", "--watch"], { input });
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining("\nhello") });
  });

  test("schedules a run for later", async () => {
    const folder = makeFolder({ "hello.yml": HELLO });
    const [answer] = await folder.json(["run", "hello.yml", "--at", "+2h"]);
    expect(answer).toMatchObject({ created: true, run: { state: "scheduled" } });
    const { stdout } = await folder.run(["runs"]);
    expect(stdout).toMatch(/starts in (1|2) h/);
  });

  test("leaves a run that no agent takes waiting, and says why", async () => {
    const folder = makeFolder({ "hello.yml": HELLO });
    const { code, stdout } = await folder.run(["run", "hello.yml", "--label", "moon"]);
    expect(code).toBe(0);
    expect(stdout).toContain("waiting: no agent takes the run [moon]");
    const explained = await folder.run(["explain", stdout.split(" ")[0] ?? ""]);
    expect(explained.stdout).toContain("lacks moon");
  });

  test("leaves a run waiting whose data folder cannot be written, and says so at once", async () => {
    const folder = makeFolder({ "hello.yml": HELLO });
    folder.write({ ".sluice/runs": "" });
    const { code, stdout } = await folder.run(["run", "hello.yml"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/ waiting: the data folder cannot be written: E/);
  });

  test("the same id with the same request is the same run, with another it is refused", async () => {
    const folder = makeFolder({ "a.yml": `run_id: one\n${HELLO}` });
    const [first] = await folder.json(["run", "a.yml"]);
    const [second] = await folder.json(["run", "a.yml"]);
    expect([first?.["created"], second?.["created"]]).toEqual([true, false]);
    const { code, stderr } = await folder.run(["run", "a.yml", "--param", "who=me", "--json"]);
    expect({ code, error: jsonLines(stderr)[0] }).toMatchObject({
      code: 1,
      error: { code: "conflict" },
    });
  });

  test("warns of keys it does not know", async () => {
    const folder = makeFolder({ "hello.yml": `colour: red\n${HELLO}` });
    const { code, stderr } = await folder.run(["run", "hello.yml"]);
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: expect.stringMatching(/warning: .*colour/),
    });
  });
});

describe("what cannot be run", () => {
  test.each([
    ["nobody-knows", {}, "unknown_flow", "no flow nobody-knows is registered"],
    ["missing.yml", {}, "invalid", "missing.yml cannot be read"],
    [
      "bad.yml",
      { "bad.yml": "flow: {\n  key: hunter2" },
      "invalid",
      "bad.yml is neither YAML nor JSON at line",
    ],
    ["list.yml", { "list.yml": "- 1" }, "invalid", "expected a message"],
    [
      "inf.yml",
      { "inf.yml": "flow: { name: a }\nparameters: { x: .inf }" },
      "invalid",
      "a number at x that JSON cannot represent",
    ],
    [
      "id.yml",
      { "id.yml": "flow: { name: a }\nparameters: { id: 12345678901234567890 }" },
      "invalid",
      "a number at id that JSON cannot represent: write it as text",
    ],
    [
      "id.json",
      { "id.json": '{"flow": {"name": "a"}, "parameters": {"id": 12345678901234567890}}' },
      "invalid",
      "got 12345678901234567890: write it as text",
    ],
    ["empty.yml", { "empty.yml": "" }, "invalid", "expected a message"],
    ["dup.yml", { "dup.yml": "flow: a\nflow: b" }, "invalid", "duplicate key"],
    ["faults.yml", { "faults.yml": "flow: { name: 1 }\nlabels: x" }, "invalid", "flow.name"],
  ])("%s ends with 2 and is not stored", async (source, files, code, text) => {
    const folder = makeFolder(files);
    const ended = await folder.run(["run", source, "--json"]);
    expect({ code: ended.code, stdout: ended.stdout }).toEqual({ code: 2, stdout: "" });
    const [error] = jsonLines(ended.stderr);
    expect(error).toMatchObject({ code, message: expect.stringContaining(text) });
    expect(ended.stderr).not.toContain("hunter2");
    expect(await folder.json(["runs"])).toEqual([]);
  });

  test.each(["run", "explain"])(
    "%s says that a flow is registered before it is run",
    async (command) => {
      const flow = { name: "hello", command: "echo hello", parameters: { who: "world" } };
      const folder = makeFolder({
        "flow.json": JSON.stringify(flow),
        "old.json": JSON.stringify({ name: "old", storage: { type: "Docker" } }),
        "message.json": JSON.stringify({ name: "third", parameters: { who: "world" } }),
      });
      const said = (file: string) => folder.run([command, file]);
      expect(await said("flow.json")).toMatchObject({
        code: 2,
        stderr: "sluice: flow.json is not valid: this is a flow: `sluice register` it first\n",
      });
      expect((await said("old.json")).stderr).toContain("this is a flow");
      // Without what only flows have it is a message that lacks one.
      expect((await said("message.json")).stderr).toContain("flow: expected a flow");
    },
  );

  test("all faults of a message come at once, with their paths", async () => {
    const folder = makeFolder({
      "m.yml": "flow: { name: a, run_config: { type: ECSRun, cpu: 1 } }\nlabels: x\nrun_id: A B",
    });
    const { stderr } = await folder.run(["run", "m.yml", "--json"]);
    const paths = (jsonLines(stderr)[0]?.["issues"] as { path: string }[] | undefined)?.map(
      ({ path }) => path,
    );
    expect(paths?.sort()).toEqual(["flow.run_config.cpu", "labels", "run_id"]);
  });
});

describe("Ctrl-C", () => {
  test("ends watching with 130 and leaves the run alone", async () => {
    const folder = makeFolder({ "waits.yml": WAITS });
    const watching = folder.start(["run", "waits.yml", "--name", "w", "--watch"]);
    await watching.shows("\nstarted\n");
    watching.child.kill("SIGINT");
    const { code, stderr } = await watching.ended;
    expect(code).toBe(130);
    expect(stderr).toMatch(/The run goes on\. Follow it with: sluice logs -f [0-9a-f-]{36}\n$/);

    const following = folder.start(["logs", "-f", "w"]);
    await following.shows("started\n");
    writeFileSync(join(folder.path, "go"), "");
    expect(await following.ended).toMatchObject({ code: 0, stdout: "started\ndone\n" });
    expect((await folder.json(["show", "w"]))[0]).toMatchObject({ state: "succeeded" });
  });

  test("ends logs -f with 130", async () => {
    const folder = makeFolder({ "waits.yml": WAITS });
    await folder.run(["run", "waits.yml", "--name", "w"]);
    const following = folder.start(["logs", "-f", "w"]);
    await following.shows("started");
    following.child.kill("SIGINT");
    expect((await following.ended).code).toBe(130);
    writeFileSync(join(folder.path, "go"), "");
    await folder.run(["logs", "-f", "w"]);
  });
});

describe("output", () => {
  test("that nobody reads any more is no error", async () => {
    const folder = makeFolder({ "waits.yml": WAITS });
    const watching = folder.start(["run", "waits.yml", "--name", "w", "--watch"]);
    await watching.shows("started");
    watching.child.stdout.destroy();
    writeFileSync(join(folder.path, "go"), "");
    const { code, stderr } = await watching.ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });

  test("has no colours in a pipe", async () => {
    const folder = makeFolder({ "hello.yml": HELLO });
    const env = { FORCE_COLOR: "1" };
    const { stdout } = await folder.run(["run", "hello.yml", "--watch"], { env });
    const list = await folder.run(["runs"], { env });
    expect(stdout + list.stdout).not.toContain("\u001B");
  });

  test("of a run with a name full of tricks moves no cursor", async () => {
    const folder = makeFolder({
      "m.yml": 'flow: { name: x, command: "true" }\nlabels: ["a\\e[2Jb"]',
    });
    await folder.run(["run", "m.yml"]);
    const { stdout } = await folder.run(["runs"]);
    expect(stdout).not.toContain("\u001B");
  });
});

test("jobs know nothing of how the command was called", async () => {
  const folder = makeFolder({ "env.yml": "flow: { name: env, command: env }" });
  const env = { SLUICE_CONFIG: "", SLUICE_DATA: "data", SLUICE_TOKEN: "hunter2" };
  const { stdout } = await folder.run(["run", "env.yml", "--watch"], { env });
  expect(stdout).not.toMatch(/hunter2|SLUICE_DATA|SLUICE_CONFIG/);
  expect(existsSync(join(folder.path, "data"))).toBe(true);
});
