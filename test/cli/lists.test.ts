import { describe, expect, test } from "vitest";
import { startServer } from "../../src/http/server.ts";
import { newToken } from "../../src/http/tokens.ts";
import { testApp } from "../fakes/app.ts";
import { serve } from "../fakes/serve.ts";
import { jsonLines, makeFolder } from "./sluice.ts";

const FILES = {
  "sluice.yml":
    "agents:\n  here: { backend: local, env: { KEY: hunter2 } }\n  gpu: { backend: local, labels: [gpu] }\n",
  "flow.yml": "name: greet\ncommand: echo hi\n",
  "bad.yml": "flow: { name: bad, command: exit 3 }\n",
};

describe("--json", () => {
  test("gives documents on every command that lists or shows", async () => {
    const folder = makeFolder(FILES);
    expect(await folder.json(["register", "flow.yml"])).toMatchObject([
      { flow: { name: "greet", version: 1 }, created: true, warnings: [] },
    ]);
    const [first] = await folder.json(["run", "greet", "--name", "first"]);
    expect(first).toMatchObject({ created: true, run: { name: "first" } });
    await folder.run(["logs", "-f", "first"]);
    await folder.run(["run", "bad.yml", "--name", "second", "--watch"]);

    expect(await folder.json(["runs"])).toMatchObject([
      { name: "second", state: "failed", prefect_state: "Failed", cause: { exit_code: 3 } },
      { name: "first", state: "succeeded", flow: { name: "greet", version: 1 } },
    ]);
    expect(await folder.json(["show", "first"])).toMatchObject([
      { name: "first", request: { flow: { command: "echo hi" } } },
    ]);
    expect(await folder.json(["logs", "first"])).toEqual([{ text: "hi" }]);
    expect(await folder.json(["cancel", "first"])).toMatchObject([{ state: "succeeded" }]);
    expect(await folder.json(["rerun", "first"])).toMatchObject([
      { created: true, run: { flow: { name: "greet" } } },
    ]);
    expect(await folder.json(["flows"])).toMatchObject([{ name: "greet", version: 1 }]);
    expect(await folder.json(["agents"])).toEqual([
      { name: "here", backend: "local", labels: [], env: ["KEY"], remote: false },
      { name: "gpu", backend: "local", labels: ["gpu"], env: [], remote: false },
    ]);
    expect(await folder.json(["explain", "second"])).toMatchObject([{ state: "failed" }]);
    expect(await folder.json(["explain", "greet", "--label", "gpu"])).toMatchObject([
      { agent: "gpu" },
    ]);
    expect(await folder.json(["explain", "bad.yml"])).toMatchObject([{ agent: "here" }]);
    expect(await folder.json(["validate"])).toMatchObject([{ ok: true, kind: "sluice.yml" }]);
  });

  test("gives one error document for a run nobody knows", async () => {
    const folder = makeFolder();
    for (const command of ["show", "logs", "cancel", "rerun"]) {
      const { code, stdout, stderr } = await folder.run([command, "nobody", "--json"]);
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
      expect(jsonLines(stderr)).toMatchObject([{ code: "not_found", issues: [] }]);
    }
  });
});

describe("runs", () => {
  test("filters by flow, state, agent, label and the start of a name, and pages", async () => {
    const folder = makeFolder(FILES);
    await folder.run(["register", "flow.yml"]);
    await folder.run(["run", "greet", "--name", "alpha", "--label", "gpu"]);
    await folder.run(["run", "bad.yml", "--name", "beta", "--watch"]);
    await folder.run(["logs", "-f", "alpha"]);
    const names = async (...args: string[]) =>
      (await folder.json(["runs", ...args])).map(({ name }) => name);
    expect(await names()).toEqual(["beta", "alpha"]);
    expect(await names("--flow", "greet")).toEqual(["alpha"]);
    expect(await names("--state", "failed")).toEqual(["beta"]);
    expect(await names("--agent", "gpu")).toEqual(["alpha"]);
    expect(await names("--label", "gpu")).toEqual(["alpha"]);
    // No run id can begin so: ids are hexadecimal.
    expect(await names("--search", "bet")).toEqual(["beta"]);
    const { stdout, stderr } = await folder.run(["runs", "--json", "--limit", "1"]);
    expect(jsonLines(stdout)).toHaveLength(1);
    const cursor = /--cursor (\S+)/.exec(stderr)?.[1] ?? "";
    expect(await names("--limit", "1", "--cursor", cursor)).toEqual(["alpha"]);
  });

  test("says how far back it has looked where a page ends early", async () => {
    const page = { items: [], next: "c", looked_back_to: "2026-11-21T09:00:00.000Z" };
    const { url, close } = await serve((_, response) => void response.end(JSON.stringify(page)));
    const env = { SLUICE_API_URL: url, SLUICE_TOKEN: "t" };
    const { stderr } = await makeFolder().run(["runs", "--search", "rare"], { env });
    await close();
    expect(stderr).toBe(
      "No runs found yet.\nLooked back to 2026-11-21T09:00:00.000Z.\nThere may be more: --cursor c\n",
    );
  });

  test("aligns its columns", async () => {
    const folder = makeFolder(FILES);
    await folder.run(["run", "bad.yml", "--name", "a"]);
    await folder.run(["run", "bad.yml", "--name", "a-much-longer-name"]);
    const { stdout } = await folder.run(["runs"]);
    const [header = "", ...rows] = stdout.trimEnd().split("\n");
    const column = header.indexOf("FLOW");
    expect(rows.map((row) => row.slice(column, column + 3))).toEqual(["bad", "bad"]);
  });
});

describe("logs", () => {
  test("go on past a page without lines that is not the last, and end where nothing follows now", async () => {
    const pages: Record<string, object> = {
      "": { lines: [], next: "a", complete: false },
      a: { lines: [{ text: "one" }], next: "b", complete: false },
      b: { lines: [], next: "c", complete: false },
      c: { lines: [{ text: "two" }], next: "d", complete: false },
      d: { lines: [], next: "d", complete: false },
    };
    const run = { id: "r1", name: "otter", state: "running", job: { id: "j" } };
    const { url, close } = await serve((request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? "", "http://localhost");
      const page = pages[searchParams.get("cursor") ?? ""];
      response.end(JSON.stringify(pathname.endsWith("/logs") ? page : run));
    });
    const env = { SLUICE_API_URL: url, SLUICE_TOKEN: "t" };
    const { stdout } = await makeFolder().run(["logs", "r1"], { env });
    await close();
    expect(stdout).toBe("one\ntwo\n");
  });

  test("say why there is nothing, before a run has a job and after one that never had any", async () => {
    const folder = makeFolder(FILES);
    await folder.run(["run", "bad.yml", "--name", "otter", "--at", "+1h"]);
    const note = async () => (await folder.run(["logs", "otter"])).stderr;
    expect(await note()).toBe(
      "This run has no job yet, so nothing was written: it is scheduled.\n",
    );
    await folder.run(["cancel", "otter"]);
    expect(await note()).toBe(
      "No job of this run is known, so there is nothing to read: it is cancelled.\n",
    );
  });
});

describe("agents", () => {
  test("tells who works on the runs of each, and when a host was last seen", async () => {
    const t = testApp({ now: () => new Date() });
    t.setAgents(
      { name: "here", labels: ["a", "b"] },
      ...["bench", "shed", "never"].map((name) => ({ name, remote: true })),
    );
    const seen = (agent: string, agoMs: number) => {
      const lastSeen = new Date(Date.now() - agoMs).toISOString();
      const host = { agent, id: agent, machine: `${agent}-pc`, version: "0.1.0" };
      return t.app.hosts.beat({ ...host, startedAt: lastSeen, lastSeen });
    };
    await seen("bench", 0);
    await seen("shed", 2 * 3_600_000);
    const { text, token } = newToken("me", "read", new Date().toISOString());
    await t.app.tokens.add(token);
    const { url, close } = await startServer({ app: t.app, port: 0 });
    const env = { SLUICE_API_URL: url, SLUICE_TOKEN: text };
    const folder = makeFolder();
    const { stdout } = await folder.run(["agents"], { env });
    const documents = await folder.json(["agents"], { env });
    await close();
    const rows = stdout.trimEnd().split("\n");
    expect(rows.map((row) => row.split(/ {2,}/))).toEqual([
      ["NAME", "BACKEND", "LABELS", "WORKED ON BY"],
      ["here", "test", "a, b", "this dispatcher"],
      ["bench", "test", expect.stringMatching(/^bench-pc, online, last seen (now|\d+ s ago)$/)],
      ["shed", "test", "shed-pc, offline, last seen 2 h ago"],
      ["never", "test", "a host that was never seen"],
    ]);
    expect(documents).toMatchObject([
      { name: "here", remote: false },
      { name: "bench", remote: true, online: true, machine: "bench-pc" },
      { name: "shed", remote: true, online: false, machine: "shed-pc" },
      { name: "never", remote: true, online: false },
    ]);
  });
});

describe("a run", () => {
  test("is found by its id, its name and the start of either, if no other starts with it", async () => {
    const folder = makeFolder(FILES);
    const [answer] = await folder.json(["run", "bad.yml", "--name", "otter-one"]);
    const { id } = (answer ?? {})["run"] as { id: string };
    await folder.run(["run", "bad.yml", "--name", "otter-two"]);
    for (const text of [id, id.slice(0, 12), "otter-one", "otter-o"]) {
      expect(await folder.json(["show", text])).toMatchObject([{ id }]);
    }
    const { code, stderr } = await folder.run(["show", "otter"]);
    expect({ code, stderr }).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/otter-two \(.*otter-one \(/),
    });
  });

  test("is not meant by a text that holds nothing, were it the only one", async () => {
    const folder = makeFolder(FILES);
    await folder.run(["run", "bad.yml", "--name", "otter", "--at", "+1h"]);
    for (const command of ["show", "logs", "cancel", "rerun", "explain"]) {
      for (const text of ["", " "]) {
        expect(await folder.run([command, text]), command).toEqual({
          code: 2,
          signal: null,
          stdout: "",
          stderr: "sluice: expected the id or name of a run, got nothing\n",
        });
      }
    }
    expect(await folder.json(["runs"])).toMatchObject([{ name: "otter", state: "scheduled" }]);
  });

  test("that was cancelled stays so, and is cancelled only once", async () => {
    const folder = makeFolder({ "sleep.yml": "flow: { name: sleep, command: sleep 60 }" });
    await folder.run(["run", "sleep.yml", "--name", "s"]);
    expect(await folder.json(["cancel", "s"])).toMatchObject([{ state: "cancelling" }]);
    const { code } = await folder.run(["logs", "-f", "s"]);
    expect(code).toBe(0);
    expect(await folder.json(["show", "s"])).toMatchObject([{ state: "cancelled" }]);
    const { stdout } = await folder.run(["cancel", "s"]);
    expect(stdout).toMatch(/is already cancelled\n$/);
  });
});

describe("validate", () => {
  test("names every fault of several files, and what it takes each for", async () => {
    const folder = makeFolder({
      ...FILES,
      "message.yml":
        "flow: { name: a, run_config: { type: ECSRun, cpu: 1 } }\nlabels: x\nextra: 1\n",
      "broken.json": "{",
      "what.yml": "colour: red",
    });
    const files = [
      "sluice.yml",
      "flow.yml",
      "message.yml",
      "broken.json",
      "what.yml",
      "missing.yml",
    ];
    const { code, stdout } = await folder.run(["validate", "--json", ...files]);
    expect(code).toBe(2);
    const findings = jsonLines(stdout);
    expect(findings.map(({ ok, kind }) => [ok, kind])).toEqual([
      [true, "sluice.yml"],
      [true, "flow"],
      [false, "message"],
      [false, "unknown"],
      [false, "unknown"],
      [false, "unknown"],
    ]);
    expect(findings[2]?.["issues"]).toMatchObject([
      { path: "labels" },
      { path: "flow.run_config.cpu" },
    ]);
    expect(findings[3]?.["issues"]).toMatchObject([{ message: expect.stringContaining("line 1") }]);
    const people = await folder.run(["validate", ...files]);
    expect(people.stdout).toContain("message.yml (message): not valid\n  labels: ");
  });

  test("needs no data folder and makes none", async () => {
    const folder = makeFolder(FILES);
    expect((await folder.run(["validate", "bad.yml"])).code).toBe(0);
    expect((await folder.run(["runs", "--data", "elsewhere"])).code).toBe(0);
    const { existsSync } = await import("node:fs");
    expect(existsSync(`${folder.path}/.sluice`)).toBe(false);
  });
});

describe("token", () => {
  test("is printed once, listed without itself, and gone when removed", async () => {
    const folder = makeFolder();
    const { stdout } = await folder.run(["token", "create", "ci", "--scope", "run"]);
    expect(stdout).toMatch(/^sluice_[\w-]{43}\n$/);
    const list = await folder.run(["token", "list", "--json"]);
    expect(jsonLines(list.stdout)).toMatchObject([{ name: "ci", scope: "run" }]);
    expect(list.stdout).not.toContain(stdout.trim());
    expect((await folder.run(["token", "remove", "ci"])).code).toBe(0);
    expect((await folder.run(["token", "remove", "ci"])).code).toBe(1);
    expect(await folder.json(["token", "list"])).toEqual([]);
  });

  test("is not replaced by another one of its name", async () => {
    const folder = makeFolder();
    await folder.run(["token", "create", "ci"]);
    expect(await folder.run(["token", "create", "ci", "--scope", "admin"])).toMatchObject({
      code: 1,
      stdout: "",
      stderr: "sluice: a token ci exists: remove it first, or choose another name\n",
    });
    expect(await folder.json(["token", "list"])).toMatchObject([{ name: "ci", scope: "read" }]);
  });

  test("reads only, unless told otherwise", async () => {
    expect(await makeFolder().json(["token", "create", "me"])).toMatchObject([
      { name: "me", scope: "read", token: expect.stringMatching(/^sluice_/) },
    ]);
  });
});

test("the host of a remote agent says which settings it lacks", async () => {
  const { code, stderr } = await makeFolder().run(["agent", "workshop"]);
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining("SLUICE_TABLE") });
});
