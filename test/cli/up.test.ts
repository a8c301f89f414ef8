import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Folder, jsonLines, makeFolder, type Started } from "./sluice.ts";

const WAITS =
  "flow: { name: waits, command: 'echo started; while ! [ -e go ]; do sleep 0.1; done; echo done' }";

/** A dispatcher that listens on a free port, and how another command reaches it. */
async function started(
  folder: Folder,
  scope = "run",
): Promise<Started & { readonly env: Record<string, string> }> {
  const { stdout } = await folder.run(["token", "create", "test", "--scope", scope]);
  const up = folder.start(["up", "--port", "0"]);
  const log = await up.shows('"message":"started"', "stderr");
  const url = /"url":"([^"]+)"/.exec(log)?.[1] ?? "";
  return { ...up, env: { SLUICE_API_URL: url, SLUICE_TOKEN: stdout.trim() } };
}

describe("up", () => {
  test("dispatches what other commands put on the queue, and leaves jobs alone when it stops", async () => {
    const folder = makeFolder({ "waits.yml": WAITS });
    const up = await started(folder);
    const [answer] = await folder.json(["run", "waits.yml", "--name", "w"], { env: up.env });
    expect(answer).toMatchObject({
      created: true,
      run: { name: "w", state: expect.stringMatching(/submitted|running/) },
    });
    up.child.kill("SIGTERM");
    const { code, stderr } = await up.ended;
    expect(code).toBe(0);
    const messages = jsonLines(stderr).map(({ message }) => message);
    expect(messages.at(0)).toBe("started");
    expect(messages.at(-1)).toBe("stopped");
    writeFileSync(join(folder.path, "go"), "");
    expect(await folder.run(["logs", "-f", "w"])).toMatchObject({
      code: 0,
      stdout: "started\ndone\n",
    });
  });

  test("logs JSON lines on standard error only, one for each change of a state", async () => {
    const folder = makeFolder({ "a.yml": "flow: { name: a, command: echo hi }" });
    const up = await started(folder);
    await folder.run(["run", "a.yml", "--watch"], { env: up.env });
    up.child.kill("SIGINT");
    const { code, stdout, stderr } = await up.ended;
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
    const states = jsonLines(stderr).flatMap(({ message, state }) =>
      message === "run changed state" ? [state] : [],
    );
    expect(states.slice(0, 2)).toEqual(["scheduled", "launching"]);
    expect(states.at(-1)).toBe("succeeded");
  });

  test("shows what runs write if their agent says so", async () => {
    const folder = makeFolder({
      "sluice.yml": "agents: { here: { backend: local, show_flow_logs: true } }",
      "a.yml": "flow: { name: a, command: echo shown }",
    });
    const up = await started(folder);
    await folder.run(["run", "a.yml"], { env: up.env });
    await up.shows("shown\n");
    up.child.stdout.destroy();
    const more = await folder.run(["run", "a.yml", "--watch"], { env: up.env });
    expect(more.code).toBe(0);
    up.child.kill("SIGINT");
    expect((await up.ended).code).toBe(0);
  });

  test("says which port is taken", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => taken.once("listening", resolve));
    const { port } = taken.address() as AddressInfo;
    const { code, stderr } = await makeFolder().run(["up", "--port", String(port)]);
    taken.close();
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(`:${port}`) });
  });

  test("reads a changed sluice.yml while it works", async () => {
    const folder = makeFolder({ "sluice.yml": "agents: { one: { backend: local } }" });
    const up = await started(folder);
    folder.write({
      "sluice.yml": "agents: { two: { backend: local }, three: { backend: local } }",
    });
    await up.shows("configuration read again", "stderr");
    const agents = await folder.json(["agents"], { env: up.env });
    expect(agents.map(({ name }) => name)).toEqual(["two", "three"]);
    up.child.kill("SIGTERM");
    await up.ended;
  });
});

describe("commands that talk to the API", () => {
  test("do and print the same as those on the data folder", async () => {
    const folder = makeFolder({
      "sluice.yml": "agents: { here: { backend: local }, gpu: { backend: local, labels: [gpu] } }",
      "flow.yml": "name: greet\ncommand: echo hi $X\n",
    });
    const up = await started(folder);
    const { env } = up;
    expect(await folder.json(["register", "flow.yml"], { env })).toMatchObject([
      { created: true, flow: { version: 1 } },
    ]);
    expect(await folder.json(["register", "flow.yml"], { env })).toMatchObject([
      { created: false },
    ]);
    const watched = await folder.run(
      ["run", "greet", "--set", "env.X=there", "--name", "g", "--watch"],
      { env },
    );
    expect(watched).toMatchObject({ code: 0, stdout: expect.stringContaining("\nhi there\n") });
    const remote = async (...args: string[]) => folder.json(args, { env });
    const local = async (...args: string[]) => folder.json(args);
    for (const args of [
      ["runs"],
      ["show", "g"],
      ["logs", "g"],
      ["flows"],
      ["agents"],
      ["explain", "g"],
      ["explain", "greet", "--label", "gpu"],
    ]) {
      expect(await remote(...args), args.join(" ")).toEqual(await local(...args));
    }
    const [{ id } = { id: "" }] = await local("show", "g");
    expect(await remote("rerun", "g")).toMatchObject([{ created: true }]);
    expect(await remote("cancel", String(id))).toMatchObject([{ state: "succeeded" }]);
    expect(await folder.run(["show", "nobody", "--json"], { env })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('"not_found"'),
    });
    expect(await folder.run(["run", "nobody", "--json"], { env })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('"unknown_flow"'),
    });
    up.child.kill("SIGTERM");
    await up.ended;
  });

  test("name what is missing when they are not let in", async () => {
    const folder = makeFolder({ "a.yml": "flow: { name: a, command: echo hi }" });
    const up = await started(folder, "read");
    const without = await folder.run(["runs"], { env: { ...up.env, SLUICE_TOKEN: "" } });
    expect(without).toMatchObject({ code: 1, stderr: expect.stringContaining("SLUICE_TOKEN") });
    const reading = await folder.run(["run", "a.yml"], { env: up.env });
    expect(reading).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("scope read, and this needs run"),
    });
    up.child.kill("SIGTERM");
    await up.ended;
  });

  test("refuse what only the machine of the dispatcher can do", async () => {
    const { code, stderr } = await makeFolder().run(["token", "list"], {
      env: { SLUICE_API_URL: "http://127.0.0.1:9" },
    });
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringContaining("without SLUICE_API_URL"),
    });
  });
});
