import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openEmbedded } from "../../src/embedded/app.ts";
import { silentLogger } from "../../src/log.ts";
import { submit } from "../../src/submit.ts";
import { type Folder, makeFolder } from "./sluice.ts";

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

describe("while up works on the data folder", () => {
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
