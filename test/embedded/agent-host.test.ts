import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { App } from "../../src/app.ts";
import { cancel } from "../../src/cancel.ts";
import { dispatch } from "../../src/dispatch.ts";
import { type AgentHostProcess, openAgentHost } from "../../src/embedded/agent-host.ts";
import { heartbeat } from "../../src/embedded/heartbeat.ts";
import { BEAT_EVERY_MS, LOST_AFTER_MS, OFFLINE_AFTER_MS } from "../../src/hosts.ts";
import { runLogs } from "../../src/logs.ts";
import { placeBesideFunctions } from "../../src/place.ts";
import { isFinal, type Run } from "../../src/run.ts";
import { launchRequest } from "../contracts/request.ts";
import { testApp } from "../fakes/app.ts";
import { twoPlaces } from "../fakes/two-places.ts";

const IMAGE = { storage: { type: "Docker", image_name: "etl", image_tag: "1" } };

const CONFIG = `
agents:
  lab: { backend: local }
  prod: { backend: local, labels: [prod], remote: true }
  fargate: { backend: ecs, cluster: main }
  box: { backend: docker, base_url: "unix:///no/such.sock" }
`;

let folder: string;
let opened: AgentHostProcess[];
/** A cloud without machines; changes of states are told to whoever waits. */
let cloud: App;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-host-"));
  writeFileSync(join(folder, "sluice.yml"), CONFIG);
  opened = [];
  const t = testApp({ placeOf: placeBesideFunctions, now: () => new Date() });
  t.setAgents({ name: "lab", backend: "local" });
  cloud = { ...t.app, agents: t.app.agents };
});

afterEach(() => {
  for (const host of opened) host.close();
  rmSync(folder, { recursive: true, force: true });
});

async function open(agent = "lab", data = "data"): Promise<AgentHostProcess> {
  const host = await openAgentHost({
    agent,
    installation: "sluice-prod",
    storage: cloud,
    version: "0.1.0",
    config: join(folder, "sluice.yml"),
    dataFolder: join(folder, data),
    env: { PATH: process.env["PATH"] ?? "" },
    cwd: folder,
    log: cloud.log,
  });
  opened.push(host);
  return host;
}

async function start(id: string, command: string): Promise<void> {
  const body = { run_id: id, flow: { name: "load", command } };
  await dispatch(cloud, { id: `m-${id}`, body: JSON.stringify(body) });
}

/** Looks until a run is as expected; the test's own time limit ends what never comes. */
async function until(id: string, expected: (run: Run) => boolean): Promise<Run> {
  for (;;) {
    const run = await cloud.store.get(id);
    if (run !== undefined && expected(run)) return run;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe("the host of a remote agent", () => {
  test("launches runs of its agent once, shows their logs, and leaves jobs alone when it stops", async () => {
    await start("r1", "echo once >> runs.txt; echo hello");
    const stop = new AbortController();
    const host = await open();
    const working = host.work(stop.signal);
    const run = await until("r1", ({ state }) => isFinal(state));
    expect(run).toMatchObject({ place: "lab", state: { type: "succeeded", agent: "lab" } });
    stop.abort();
    await working;
    expect(readFileSync(join(folder, "runs.txt"), "utf8")).toBe("once\n");
    expect((await runLogs(host.app, "r1")).lines).toMatchObject([{ text: "hello" }]);
    expect(await cloud.hosts.list()).toMatchObject([{ agent: "lab", version: "0.1.0" }]);
  });

  test("names jobs by the installation it works for", async () => {
    const { app } = await open("box");
    const [agent] = app.agents;
    if (agent === undefined) throw new Error("the host has no agent");
    const plan = await (await app.backend(agent)).plan(launchRequest({ agent, flow: IMAGE }));
    expect(plan.launch["name"]).toBe("sluice-sluice-prod.run-1-1");
  });

  test("stops a job that was cancelled from the cloud", async () => {
    await start("r1", "touch started; exec sleep 600");
    const stop = new AbortController();
    const working = (await open()).work(stop.signal);
    await until("r1", () => existsSync(join(folder, "started")));
    await cancel(cloud, "r1");
    expect((await until("r1", (run) => isFinal(run.state))).state.type).toBe("cancelled");
    stop.abort();
    await working;
  });

  test("refuses to work beside a host on another data folder, and accepts one on its own", async () => {
    const stop = AbortSignal.abort();
    await (await open()).work(stop);
    await (await open()).work(stop);
    await expect((await open("lab", "elsewhere")).work(stop)).rejects.toMatchObject({
      code: "conflict",
      message: expect.stringMatching(
        /^another host, on .*, works for agent lab \(seen \d+ s ago\)/,
      ),
    });
  });

  test("is refused for agents it cannot work for, and changes nothing then", async () => {
    await expect(open("ghost")).rejects.toMatchObject({
      code: "not_found",
      message: "sluice.yml has no agent ghost: it has lab, prod, fargate, box",
    });
    await expect(open("../etc")).rejects.toMatchObject({ code: "not_found" });
    await expect(open("fargate")).rejects.toMatchObject({
      code: "unsupported",
      message: expect.stringMatching(/functions of the deployment work for agent fargate/),
    });
    rmSync(join(folder, "sluice.yml"));
    await expect(open("local")).rejects.toMatchObject({ code: "invalid" });
    expect(existsSync(join(folder, "data"))).toBe(false);
  });

  test("cannot be that of an agent called like the cloud", async () => {
    writeFileSync(join(folder, "sluice.yml"), "agents: { cloud: { backend: local } }");
    await expect(open("cloud")).rejects.toMatchObject({ code: "invalid" });
  });
});

describe("the heartbeat of a host", () => {
  const SELF = {
    agent: "lab",
    id: "bench-1",
    machine: "bench",
    version: "0.1.0",
    startedAt: "2026-11-21T12:00:00.000Z",
  };

  test("beats every fifteen seconds, however often it is kept, and never twice at once", async () => {
    const { app, clock } = testApp();
    let beats = 0;
    const beat: App["hosts"]["beat"] = (host) => {
      beats += 1;
      return app.hosts.beat(host);
    };
    const heart = heartbeat({ ...app, hosts: { ...app.hosts, beat } }, SELF);
    await Promise.all([heart.keep(), heart.keep()]);
    clock.pass(BEAT_EVERY_MS - 1);
    await heart.keep();
    expect(beats).toBe(1);
    clock.pass(1);
    await heart.keep();
    expect(beats).toBe(2);
  });

  test("fails while the store does, so that nothing is done meanwhile, and goes on after it", async () => {
    const { app, clock } = testApp();
    let down = false;
    const beat: App["hosts"]["beat"] = async (host) => {
      if (down) throw new Error("down");
      return await app.hosts.beat(host);
    };
    const heart = heartbeat({ ...app, hosts: { ...app.hosts, beat } }, SELF);
    await heart.keep();
    down = true;
    clock.pass(BEAT_EVERY_MS);
    await expect(heart.keep()).rejects.toThrow("down");
    down = false;
    await heart.keep();
  });

  test("ends when another host has taken the place", async () => {
    const { app, clock } = testApp();
    const heart = heartbeat(app, SELF);
    await heart.keep();
    clock.pass(OFFLINE_AFTER_MS);
    await heartbeat(app, { ...SELF, id: "shed-1", machine: "shed" }).keep();
    await expect(heart.keep()).rejects.toMatchObject({
      code: "conflict",
      message:
        "another host, on shed, works for agent lab (seen 0 s ago): stop it, wait 60 s and start again",
    });
  });

  test("tells what became of lost runs after the host was given up, also after a restart", async () => {
    const places = twoPlaces();
    const { host, tick, cloud: t } = places;
    await dispatch(t.app, {
      id: "m",
      body: '{"run_id":"r1","flow":{"name":"x","command":"true"}}',
    });
    await host.work();
    t.clock.pass(LOST_AFTER_MS);
    await tick();
    host.platform.set("r1", { type: "running" });
    const heart = heartbeat(host.app, SELF);
    await heart.keep();
    await heart.told();
    expect(t.lines.filter(({ level }) => level === "warn")).toMatchObject([
      { message: "host seen again after it was given up" },
      { message: "job of a lost run found alive", fields: { runId: "r1" } },
    ]);
    const restarted = heartbeat(host.app, SELF);
    await restarted.keep();
    await restarted.told();
    expect(t.lines.filter(({ level }) => level === "warn")).toHaveLength(2);
  });

  test("goes on while lost runs are looked for, and logs a look that fails", async () => {
    const { app, clock, lines } = testApp({ place: "lab" });
    const looks: { readonly fail: (error: Error) => void }[] = [];
    const store: App["store"] = {
      ...app.store,
      list: () => new Promise((_, fail) => looks.push({ fail })),
    };
    const heart = heartbeat({ ...app, agents: app.agents, store }, SELF);
    await heart.keep();
    clock.pass(LOST_AFTER_MS);
    await heart.keep();
    clock.pass(BEAT_EVERY_MS);
    await heart.keep();
    const lastSeen = app.now().toISOString();
    expect(await app.hosts.get("lab")).toMatchObject({ lastSeen });
    expect(looks).toHaveLength(1);
    looks[0]?.fail(new Error("down"));
    await heart.told();
    expect(lines).toContainEqual({
      level: "warn",
      message: "lost runs not looked for",
      fields: { reason: "down" },
    });
  });

  test("looks for the lost runs of one return after another, and is done with the last", async () => {
    const { app, clock } = testApp({ place: "lab" });
    const looks: { readonly end: () => void }[] = [];
    const store: App["store"] = {
      ...app.store,
      list: () => new Promise((resolve) => looks.push({ end: () => resolve({ items: [] }) })),
    };
    const heart = heartbeat({ ...app, agents: app.agents, store }, SELF);
    await heart.keep();
    for (const _return of ["first", "second"]) {
      clock.pass(LOST_AFTER_MS);
      await heart.keep();
    }
    const told = heart.told().then(() => "told");
    await turnOfEvents();
    expect(looks).toHaveLength(1);
    looks[0]?.end();
    await turnOfEvents();
    expect(looks).toHaveLength(2);
    expect(await Promise.race([told, turnOfEvents()])).toBeUndefined();
    looks[1]?.end();
    expect(await told).toBe("told");
  });
});

/** All that can be done without anything from outside is done then. */
const turnOfEvents = () => new Promise<void>((resolve) => setImmediate(resolve));
