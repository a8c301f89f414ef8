import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openEmbedded } from "../../src/embedded/app.ts";
import { silentLogger } from "../../src/log.ts";
import { submit } from "../../src/submit.ts";
import { type Folder, jsonLines, makeFolder } from "./sluice.ts";

const ECHO = { name: "echo", command: "echo ran" };

/** Puts a run on the queue of a folder as somebody would who does not dispatch. */
async function queued({ path }: Folder, id: string): Promise<void> {
  const embedded = await openEmbedded({
    dataFolder: join(path, ".sluice"),
    config: join(path, "sluice.yml"),
    env: {},
    cwd: path,
    log: silentLogger,
  });
  await submit(embedded.app, { run_id: id, flow: ECHO });
  embedded.close();
}

describe("without a dispatcher that lasts", () => {
  test("commands that only look launch nothing, and run launches everything", async () => {
    const folder = makeFolder({ "a.yml": JSON.stringify({ run_id: "mine", flow: ECHO }) });
    await queued(folder, "theirs");
    await queued(folder, "unwanted");
    for (const args of [
      ["runs"],
      ["show", "theirs"],
      ["logs", "theirs"],
      ["explain", "theirs"],
      ["cancel", "unwanted"],
      ["agents"],
      ["flows"],
    ]) {
      expect(await folder.run(args), args.join(" ")).toMatchObject({ code: 0 });
    }
    expect(await folder.json(["show", "theirs"])).toMatchObject([{ state: "scheduled" }]);
    expect((await folder.run(["run", "a.yml", "--watch"])).code).toBe(0);
    expect(await folder.run(["logs", "-f", "theirs"])).toMatchObject({ code: 0, stdout: "ran\n" });
  });
});

describe("a run that nobody will launch", () => {
  const NOBODY = "Nothing dispatches this folder now: start `sluice up`\n";
  const LATER = JSON.stringify({ run_id: "later", flow: ECHO });

  test("is told as such where it is left", async () => {
    const folder = makeFolder({ "a.yml": LATER });
    expect(await folder.run(["run", "a.yml", "--at", "+1h"])).toMatchObject({ stderr: NOBODY });
    const waits = await folder.run(["rerun", "later"]);
    expect(waits).toMatchObject({ code: 0, stderr: "" });
    await queued(folder, "theirs");
    expect((await folder.run(["explain", "theirs"])).stdout).toContain(
      ". Next try as soon as something dispatches this folder.\n",
    );
    expect((await folder.run(["explain", "later"])).stdout).toMatch(
      /\. Next try in \d+ min, if something dispatches this folder then\.\n/,
    );
  });

  test("is told as such where no agent takes it, and with --json in no word", async () => {
    const folder = makeFolder({ "a.yml": LATER });
    const args = ["run", "a.yml", "--label", "moon"];
    expect(await folder.run(args)).toMatchObject({ code: 0, stderr: NOBODY });
    expect(await folder.run([...args, "--json"])).toMatchObject({ code: 0, stderr: "" });
  });

  test("is told as such to whom follows it, or no longer does", async () => {
    const folder = makeFolder({ "a.yml": LATER });
    const watching = folder.start(["run", "a.yml", "--at", "+1h", "--watch"]);
    await watching.shows("scheduled");
    watching.child.kill("SIGINT");
    expect((await watching.ended).stderr).toContain(NOBODY);
    const following = folder.start(["logs", "-f", "later"]);
    await following.shows(NOBODY, "stderr");
  });
});

describe("what is to be typed next", () => {
  test("names the files that were named", async () => {
    const folder = makeFolder({
      "my files/a.yml": "agents: { here: { backend: local } }",
      "a.yml": JSON.stringify({ run_id: "a", flow: ECHO }),
    });
    const files = ["--config", "my files/a.yml", "--data", "it's"];
    const same = "--config 'my files/a.yml' --data 'it'\\''s'";
    const { stdout, stderr } = await folder.run(["run", "a.yml", "--at", "+1h", ...files]);
    expect(stdout).toContain(`\nFollow it with: sluice logs -f a ${same}\n`);
    expect(stderr).toBe(`Nothing dispatches this folder now: start \`sluice up ${same}\`\n`);
    const up = folder.start(["up", "--port", "0", ...files]);
    const log = await up.shows("no token exists", "stderr");
    expect(jsonLines(log).find(({ remedy }) => remedy !== undefined)).toMatchObject({
      remedy: `sluice token create NAME --scope run ${same}`,
    });
    up.child.kill("SIGTERM");
    await up.ended;
  });
});

describe("while up works on the data folder", () => {
  test("nobody is told to start it, and what is due is tried now", async () => {
    const folder = makeFolder({ "a.yml": JSON.stringify({ run_id: "a", flow: ECHO }) });
    const up = folder.start(["up", "--port", "0"]);
    await up.shows('"message":"started"', "stderr");
    const left = await folder.run(["run", "a.yml", "--at", "+1h"]);
    expect(left).toMatchObject({ code: 0, stderr: "" });
    expect((await folder.run(["explain", "a"])).stdout).toMatch(/\. Next try in \d+ min\.\n/);
    up.child.kill("SIGTERM");
    await up.ended;
  });

  test("run and rerun leave the launching to it", async () => {
    const folder = makeFolder({
      "up.yml": "agents: { lasting: { backend: local } }",
      "mine.yml": "agents: { mine: { backend: local } }",
      "a.yml": JSON.stringify({ run_id: "a", flow: ECHO }),
    });
    const up = folder.start(["up", "--port", "0", "--config", "up.yml"]);
    await up.shows('"message":"started"', "stderr");
    const mine = ["--config", "mine.yml", "--data", ".sluice"];
    expect(await folder.run(["run", "a.yml", "--watch", ...mine])).toMatchObject({ code: 0 });
    expect(await folder.json(["show", "a", ...mine])).toMatchObject([{ agent: "lasting" }]);
    expect(await folder.json(["rerun", "a", ...mine])).toMatchObject([
      { run: { agent: "lasting" } },
    ]);
    up.child.kill("SIGTERM");
    expect((await up.ended).code).toBe(0);
    expect(await folder.json(["rerun", "a", ...mine])).toMatchObject([{ run: { agent: "mine" } }]);
  });
});

describe("a data folder called .sluice", () => {
  test("belongs to the sluice.yml beside it, wherever a command is typed", async () => {
    const folder = makeFolder({ "sluice.yml": "agents: { box: { backend: local } }" });
    const elsewhere = makeFolder({ "sluice.yml": "agents: { other: { backend: local } }" });
    const data = ["--data", join(folder.path, ".sluice")];
    const names = async (...args: string[]) =>
      (await elsewhere.json(["agents", ...args])).map(({ name }) => name);
    expect(await names(...data)).toEqual(["box"]);
    expect(await names(...data, "--config", "sluice.yml")).toEqual(["other"]);
    expect(await names("--data", join(folder.path, "data"))).toEqual(["other"]);
  });
});
