import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Backend, LogLine } from "../../../src/backend.ts";
import type { JsonObject } from "../../../src/json.ts";
import type { Job, JobStatus } from "../../../src/run.ts";
import type { Observation } from "../../../src/state-after.ts";
import { never, newId, until } from "../../contracts/backend-steps.ts";
import { launchRequest, type RequestParts } from "../../contracts/request.ts";
import { IMAGE, openRealEngine, type RealEngine } from "./engine.ts";

const DAY = 24 * 60 * 60_000;

let engine: RealEngine;
beforeEach(async () => {
  engine = await openRealEngine();
});
afterEach(() => engine.close());

describe("a container on a real engine", () => {
  it("that reaches its limit of memory is out of memory", async () => {
    const job = await launch(shell("tail /dev/zero", { mem_limit: "16m" }));
    expect(await ended(job)).toMatchObject({
      end: "failed",
      cause: { type: "out_of_memory", exitCode: 137 },
    });
  });

  it("succeeds though a child of it reached the limit", async () => {
    const job = await launch(shell("tail /dev/zero; exit 0", { mem_limit: "16m" }));
    expect(await ended(job)).toMatchObject({ end: "succeeded" });
  });

  it("that does not listen is killed when its seconds are over", async () => {
    const job = await launch(shell("trap '' TERM; while :; do sleep 1; done"));
    await backend().cancel(job);
    expect(await ended(job)).toMatchObject({ cause: { type: "killed", signal: "SIGKILL" } });
  });

  it("that ends well when asked to stop has succeeded", async () => {
    const agent = { options: { ...engine.agent.options, stop_seconds: 30 } };
    const opened = engine.open({}, agent);
    const job = await launch(shell("trap 'exit 0' TERM; while :; do sleep 0.1; done"), opened);
    await opened.cancel(job);
    expect(await ended(job)).toMatchObject({ end: "succeeded" });
  });

  it("that cannot be started tells why, and leaves nothing", async () => {
    const failing = launch({ ...shell(""), command: ["/tmp"] });
    await expect(failing).rejects.toMatchObject({
      code: "start_failed",
      message: expect.stringContaining("permission denied"),
    });
    expect(await engine.api.list({ label: [`sluice.agent=${engine.agent.name}`] })).toEqual([]);
  });

  it("in a network nobody has cannot be started", async () => {
    const agent = {
      ...engine.agent,
      options: { ...engine.agent.options, networks: ["sluice-nowhere"] },
    };
    await expect(launch({ ...shell(""), agent }, engine.open({}, agent))).rejects.toMatchObject({
      code: "start_failed",
      message: expect.stringContaining("network sluice-nowhere not found"),
    });
  });

  it("that the engine refuses tells why", async () => {
    await expect(launch(shell("", { mem_limit: "1m" }))).rejects.toMatchObject({
      code: "rejected",
      message: expect.stringMatching(/[Mm]emory limit/),
    });
  });

  it("whose image cannot be had tells why", async () => {
    const image = "sluice.invalid/no/thing:1";
    await expect(launch({ ...shell(""), config: { options: { image } } })).rejects.toMatchObject({
      code: "image",
      message: expect.stringContaining("sluice.invalid"),
    });
  });

  it("of somebody else is neither adopted nor started", async () => {
    const runId = newId();
    const body = { Image: IMAGE, Cmd: ["true"], Labels: { "sluice.agent": engine.agent.name } };
    const id = await engine.api.create(`sluice-${runId}-1`, body, never());
    await expect(launch({ ...shell("true"), runId })).rejects.toMatchObject({ code: "rejected" });
    expect((await engine.api.inspect(id))?.State.Status).toBe("created");
  });

  it("that was made and not started is started by the next launch, once", async () => {
    const runId = newId();
    const plan = await backend().plan(launchRequest({ ...shell("exec sleep 600"), runId }));
    const create = plan.launch["create"] as JsonObject;
    const id = await engine.api.create(String(plan.launch["name"]), create, never());
    const key = { runId, launch: 1, target: plan.target };
    expect(await backend().find(key)).toEqual([]);
    const answers = [1, 2].map(() => backend().launch(plan, key, never()));
    for (const answer of await Promise.all(answers)) {
      expect(answer).toMatchObject({ type: "launched", job: { ref: { container: id } } });
    }
  });

  it("that was removed is lost", async () => {
    const job = await launch(shell("true"));
    await ended(job);
    await engine.api.remove(String(job.ref["container"]));
    expect(await backend().inspect([job])).toMatchObject([
      { end: "crashed", cause: { type: "lost" } },
    ]);
  });

  it("has a name for its machine, its variables and its volume", async () => {
    const volume = `sluice-${engine.agent.name}`;
    const options = { ...engine.agent.options, volumes: [`${volume}:/cache`] };
    const agent = { ...engine.agent, options };
    const script =
      "grep host.docker.internal /etc/hosts; echo $GREETING; touch /cache/here; ls /cache";
    const parts = { ...shell(script), agent, env: { GREETING: "grüß dich" } };
    const job = await launch(parts, engine.open({}, agent));
    expect(await ended(job)).toMatchObject({ end: "succeeded" });
    const [host, ...rest] = (await log(job)).map(({ text }) => text);
    expect(host).toMatch(/^\S+\s+host\.docker\.internal$/);
    expect(rest).toEqual(["grüß dich", "here"]);
    expect(await engine.api.hasVolume(volume, never())).toBe(true);
    await engine.close();
    await engine.removeVolume(volume);
  });
});

describe("the log of a container on a real engine", () => {
  it("has lines of any length, of both streams, with their times", async () => {
    const long = "head -c 40000 /dev/zero | tr '\\0' x; echo";
    const job = await launch(shell(`echo out; ${long}; echo; echo err >&2; printf end`));
    await ended(job);
    const lines = await log(job);
    const of = (stream: string) =>
      lines
        .filter((line) => line.stream === stream)
        .map(({ text }) => (text.length > 9 ? text.length : text));
    expect(of("stdout")).toEqual(["out", 40_000, "", "end"]);
    expect(of("stderr")).toEqual(["err"]);
    for (const { time = "" } of lines) expect(time).toMatch(/^\d{4}-.*\.\d{9}Z$/);
  });

  it("is read whole in pages, also while it grows", async () => {
    const job = await launch(shell("for i in $(seq 1 12000); do echo $i; done"));
    const texts = (await log(job)).map(({ text }) => text);
    expect(texts).toEqual(Array.from({ length: 12_000 }, (_, index) => String(index + 1)));
  });

  it("is shown as it comes", async () => {
    const shown: string[] = [];
    const agent = { options: { ...engine.agent.options, show_flow_logs: true } };
    const opened = engine.open({ show: (_, line) => void shown.push(line) }, agent);
    await launch(shell("echo one; sleep 0.2; echo two; exec sleep 600"), opened);
    while (shown.length < 2) await sleep(10);
    expect(shown).toEqual(["one", "two"]);
  });
});

describe("what a real engine tells by itself", () => {
  it("is the end of a container, with its cause", async () => {
    const seen: (Observation & { readonly runId: string })[] = [];
    const opened = engine.open({
      observe: (runId, observation) => void seen.push({ runId, ...observation }),
    });
    await opened.find({ runId: newId(), launch: 1, target: engine.target });
    // The stream stands some time after it was asked for; what ends before that is found by looks.
    const runId = newId();
    for (let launchNumber = 1; seen.length === 0; launchNumber++) {
      await ended(await launch({ ...shell("exit 3"), runId, launch: launchNumber }, opened));
      await sleep(50);
    }
    expect(seen[0]).toMatchObject({
      runId,
      status: { type: "ended", end: "failed", cause: { exitCode: 3 } },
    });
  });
});

describe("a container that removes itself on a real engine", () => {
  it("keeps its exit code and its log until its end is stored, and goes some time later", async () => {
    const job = await launch(shell("echo done; exit 3"));
    expect(await ended(job)).toMatchObject({ cause: { exitCode: 3 } });
    expect((await log(job)).map(({ text }) => text)).toEqual(["done"]);
    const other = await launch(shell("exec sleep 600"));
    const later = { now: () => new Date(Date.now() + DAY) };
    const tidy = (over: boolean) =>
      engine.open({ ...later, isOver: async () => over }).tidy?.([other], never());
    await tidy(false);
    expect(await backend().inspect([job])).toMatchObject([{ cause: { exitCode: 3 } }]);
    await tidy(true);
    expect(await backend().inspect([job])).toMatchObject([{ cause: { type: "lost" } }]);
  });

  it("stays if its run wants it kept", async () => {
    const job = await launch(shell("exit 0", { auto_remove: false }));
    await ended(job);
    const other = await launch(shell("exec sleep 600"));
    const later = () => new Date(Date.now() + DAY);
    await engine.open({ now: later, isOver: async () => true }).tidy?.([other], never());
    expect(await backend().inspect([job])).toMatchObject([{ end: "succeeded" }]);
  });
});

function shell(script: string, host_config: JsonObject | null = null): RequestParts {
  const command = ["/bin/sh", "-c", script];
  return { agent: engine.agent, command, config: { options: { image: IMAGE, host_config } } };
}

function backend(): Backend {
  return engine.open();
}

async function launch(parts: RequestParts, opened = backend()): Promise<Job> {
  const request = launchRequest({ ...parts, runId: parts.runId ?? newId() });
  const plan = await opened.plan(request);
  const key = { runId: request.run.id, launch: request.launch, target: plan.target };
  const answer = await opened.launch(plan, key, never());
  if (answer.type !== "launched") throw new Error(`not launched: ${JSON.stringify(answer)}`);
  return answer.job;
}

function ended(job: Job): Promise<JobStatus> {
  const harness = { backend: backend(), tick: () => sleep(20) } as Parameters<typeof until>[0];
  return until(harness, job, ({ type }) => type === "ended");
}

async function log(job: Job): Promise<readonly LogLine[]> {
  const lines: LogLine[] = [];
  let after: string | undefined;
  for (;;) {
    const page = await backend().logs?.(job, after);
    if (page === undefined) throw new Error("no page of a log");
    lines.push(...page.lines);
    if (page.complete) return lines;
    after = page.next;
  }
}

describe("a real engine", () => {
  it("says who it is, the same each time", async () => {
    const machine = { id: async () => "bench", othersLost: async () => false };
    const target = async () => {
      const plan = await engine
        .open({ machine })
        .plan(launchRequest({ agent: engine.agent, config: { options: { image: IMAGE } } }));
      return plan.target;
    };
    const first = await target();
    expect(first.startsWith(`${engine.target}#`)).toBe(true);
    expect(first).toMatch(/[\w:-]{12,}$/);
    expect(await target()).toBe(first);
  });
});
