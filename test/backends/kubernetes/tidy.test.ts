import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Backend, World } from "../../../src/backend.ts";
import { kubernetesApi } from "../../../src/backends/kubernetes/api.ts";
import { connect } from "../../../src/backends/kubernetes/connect.ts";
import { KubernetesError } from "../../../src/backends/kubernetes/errors.ts";
import { kubernetesBackend } from "../../../src/backends/kubernetes/index.ts";
import { DELETE_LABEL, LAUNCH_LABEL, RUN_LABEL } from "../../../src/backends/kubernetes/names.ts";
import { agentOptions } from "../../../src/backends/kubernetes/options.ts";
import { tidier } from "../../../src/backends/kubernetes/tidy.ts";
import type { JsonObject } from "../../../src/json.ts";
import { silentLogger } from "../../../src/log.ts";
import type { Job } from "../../../src/run.ts";
import { never, newId } from "../../contracts/backend-steps.ts";
import { launchRequest } from "../../contracts/request.ts";
import { type FakeKubernetes, fakeKubernetes } from "../../fakes/kubernetes.ts";
import { newMetadata } from "../../fakes/kubernetes-objects.ts";
import { testWorld } from "../../fakes/world.ts";
import { parts } from "./harness.ts";

let fake: FakeKubernetes;
beforeEach(async () => {
  fake = await fakeKubernetes();
});
afterEach(() => fake.close());

async function launched(
  backend: Backend,
  command: readonly string[],
  runId = newId(),
): Promise<Job> {
  const request = launchRequest(parts(command, { runId }));
  const plan = await backend.plan(request);
  const key = { runId: request.run.id, launch: 1, target: plan.target };
  const answer = await backend.launch(plan, key, never());
  if (answer.type !== "launched") throw new Error(answer.message);
  return answer.job;
}

/** A store that knows which launches are over; and what was logged. */
let over: Set<string>;
let lines: string[];
beforeEach(() => {
  over = new Set();
  lines = [];
});

/** A world in which it is known which launches are over. */
const knowing: Partial<World> = {
  isOver: async (runId, launch) => over.has(`${runId}/${launch}`),
  log: { ...silentLogger, warn: (message) => void lines.push(message) },
};

function open(options: JsonObject = {}, more = knowing): Backend {
  const world = testWorld({
    now: () => fake.store.now,
    secret: async () => fake.kubeconfig,
    ...more,
  });
  const known = agentOptions.parse({ kubeconfig: { secret: "env:K" }, ...options });
  const api = kubernetesApi(() => connect(known, world));
  return kubernetesBackend(known, world, api);
}

/** What a tick does, however long it takes: a look, then tidying. */
async function look(backend: Backend, job: Job) {
  const statuses = await backend.inspect([job]);
  await backend.tidy?.([job], never());
  return statuses;
}

function store({ ref }: Job): void {
  over.add(`${String(ref["run"])}/1`);
}

function isThere({ id }: Job): boolean {
  return fake.store.jobs.some(({ metadata }) => `${metadata.namespace}/${metadata.name}` === id);
}

/** Two Jobs, one of which has ended `minutes` ago. */
async function oneEnded(backend: Backend, minutes: number): Promise<{ done: Job; other: Job }> {
  const done = await launched(backend, ["exit", "0"]);
  const other = await launched(backend, ["run"]);
  fake.advance(5);
  fake.advance(1, minutes * 60);
  return { done, other };
}

describe("finished Jobs", () => {
  it("are deleted with their pods an hour after their end, once that is stored", async () => {
    const { done, other } = await oneEnded(open(), 59);
    store(done);
    await look(open(), other);
    expect(isThere(done)).toBe(true);
    fake.advance(1, 60);
    await look(open(), other);
    fake.advance(2);
    expect([isThere(done), isThere(other)]).toEqual([false, true]);
    expect(fake.store.pods).toHaveLength(1);
  });

  it("are left to their own installation, though another one has ended a run of the same id", async () => {
    const dev = open({}, { ...knowing, installation: "sluice-dev" });
    const { done, other } = await oneEnded(open(), 0);
    const theirs = await launched(dev, ["exit", "0"], String(done.ref["run"]));
    const another = await launched(dev, ["run"]);
    fake.advance(5);
    fake.advance(1, 3_600);
    store(done);
    await look(open(), other);
    expect([isThere(done), isThere(theirs)]).toEqual([false, true]);
    await look(dev, another);
    expect(isThere(theirs)).toBe(false);
  });

  it("are kept as long as their end is not stored, however long that takes", async () => {
    const backend = open();
    const { done, other } = await oneEnded(backend, 60);
    for (let day = 0; day < 7; day++) {
      await look(backend, other);
      fake.advance(1, 86_400);
    }
    expect(await open().inspect([done])).toMatchObject([{ type: "ended", end: "succeeded" }]);
    store(done);
    await look(open(), other);
    expect(isThere(done)).toBe(false);
  });

  it("are those of Sluice that say so; what goes on is never deleted", async () => {
    const { done, other } = await oneEnded(open({ delete_finished_jobs: false }), 120);
    store(done);
    store(other);
    await look(open(), other);
    expect([isThere(done), isThere(other)]).toEqual([true, true]);
  });

  it("are left alone by an agent that keeps its own, and where nobody knows what is stored", async () => {
    const { done, other } = await oneEnded(open(), 120);
    store(done);
    await look(open({ delete_finished_jobs: false }), other);
    await look(open({}, {}), other);
    expect(isThere(done)).toBe(true);
  });

  it("are looked for every five minutes", async () => {
    const backend = open();
    const { other } = await oneEnded(backend, 60);
    const lists = () => fake.requests.filter((request) => request.includes("delete-finished"));
    await look(backend, other);
    fake.advance(1, 299);
    await look(backend, other);
    expect(lists()).toHaveLength(1);
    fake.advance(1, 1);
    await look(backend, other);
    expect(lists()).toHaveLength(2);
  });

  it("are deleted by no look", async () => {
    const backend = open();
    const { done, other } = await oneEnded(backend, 60);
    store(done);
    await backend.inspect([done, other]);
    expect(isThere(done)).toBe(true);
  });

  it("are listed by one at a time, however long that takes", async () => {
    const backend = open();
    const { done, other } = await oneEnded(backend, 60);
    store(done);
    fake.faults.push({ method: "GET", path: /delete-finished/, answer: "hang" });
    const hung = backend.tidy?.([other], never());
    while (fake.faults.length > 0) await new Promise(setImmediate);
    fake.advance(1, 300);
    await look(backend, other);
    expect(isThere(done)).toBe(true);
    await fake.close();
    await hung;
    expect(lines).toEqual(["finished jobs not deleted yet"]);
  });

  it("are asked to be deleted again where that failed, and inspecting goes on", async () => {
    const backend = open();
    const { done, other } = await oneEnded(backend, 60);
    store(done);
    fake.faults.push({ method: "DELETE", path: /jobs/, answer: { status: 403, message: "no" } });
    expect(await look(backend, other)).toMatchObject([{ type: "running" }]);
    expect(lines).toEqual(["finished jobs not deleted yet"]);
    fake.advance(1, 300);
    await look(backend, other);
    expect(isThere(done)).toBe(false);
  });

  it("that somebody else has deleted do no harm", async () => {
    const { done, other } = await oneEnded(open(), 60);
    store(done);
    fake.faults.push({ method: "DELETE", path: /jobs/, answer: { status: 404 } });
    await look(open(), other);
    expect(lines).toEqual([]);
  });
});

/** Jobs of a namespace that ended an hour ago, and whose ends are stored. */
function addEnded(count: number, namespace = "default"): void {
  for (let index = 0; index < count; index++) {
    const metadata = newMetadata(fake.store, {
      name: `sluice-${newId()}-1`,
      namespace,
      labels: { [RUN_LABEL]: "r", [LAUNCH_LABEL]: "1", [DELETE_LABEL]: "true" },
    });
    const spec = { template: { spec: { containers: [] } } };
    const lastTransitionTime = new Date(fake.store.now.getTime() - 3_600_000).toISOString();
    const conditions = [{ type: "Complete", status: "True", lastTransitionTime }];
    fake.store.jobs.push({ metadata, spec, status: { conditions } });
  }
}

const NAMESPACE = new Set(["default"]);

describe("tidying between two looks", () => {
  /** What a call waits for, if it is held. */
  let hold: Promise<void> | undefined;
  /** Called before each call. */
  let before: () => void;
  /** The Jobs that may not be deleted, and those that somebody has tried to delete all the same. */
  let kept: Set<string>;
  let tried: string[];
  beforeEach(() => {
    hold = undefined;
    before = () => undefined;
    kept = new Set();
    tried = [];
  });

  function open() {
    const api = kubernetesApi(() =>
      connect(
        { kubeconfig: { secret: "env:K" } },
        testWorld({ secret: async () => fake.kubeconfig }),
      ),
    );
    const log = { ...silentLogger, warn: (message: string) => void lines.push(message) };
    return tidier(
      {
        pageOfJobs: async (...args) => {
          before();
          await hold;
          return await api.pageOfJobs(...args);
        },
        deleteJob: async (namespace, name, uid) => {
          before();
          if (kept.has(name)) {
            tried.push(name);
            throw new KubernetesError(403, "Forbidden", "a webhook says no");
          }
          await api.deleteJob(namespace, name, uid);
        },
      },
      { now: () => fake.store.now, log, isOver: async () => true },
    );
  }

  /** A signal that is aborted after this many calls. */
  function timeFor(calls: number) {
    const enough = new AbortController();
    let left = calls;
    before = () => {
      left -= 1;
      if (left <= 0) enough.abort();
    };
    return enough.signal;
  }

  const lists = () => fake.requests.filter((request) => request.startsWith("GET")).length;
  const names = () => fake.store.jobs.map(({ metadata }) => metadata.name).sort();

  async function passes(tidy: ReturnType<typeof open>, count: number) {
    for (let pass = 0; pass < count; pass++) {
      await tidy(NAMESPACE, never());
      fake.advance(1, 300);
    }
  }

  it("goes on with what was listed when its time was over, and lists nothing twice", async () => {
    addEnded(600);
    const tidy = open();
    const left: number[] = [];
    for (let look = 0; look < 3; look++) {
      await tidy(NAMESPACE, timeFor(200));
      left.push(fake.store.jobs.length);
    }
    expect(left).toEqual([400, 190, 0]);
    expect(lists()).toBe(3);
  });

  it("keeps up with 120 Jobs that end each minute, where a look comes once a minute", async () => {
    const tidy = open();
    const left: number[] = [];
    for (let minute = 0; minute < 25; minute++) {
      addEnded(120);
      await tidy(NAMESPACE, timeFor(200));
      left.push(fake.store.jobs.length);
      fake.advance(1, 60);
    }
    expect(Math.max(...left)).toBeLessThan(600);
  });

  it("uses a list that came when its time was over", async () => {
    addEnded(10);
    const tidy = open();
    const { promise, resolve } = Promise.withResolvers<void>();
    hold = promise;
    const first = tidy(NAMESPACE, timeFor(1));
    await tidy(NAMESPACE, timeFor(100));
    expect(fake.requests).toEqual([]);
    resolve();
    await first;
    expect([fake.store.jobs.length, lists()]).toEqual([10, 1]);
    await tidy(NAMESPACE, timeFor(100));
    expect([fake.store.jobs.length, lists()]).toEqual([0, 1]);
  });

  it("works in all namespaces, though each is looked at by itself", async () => {
    addEnded(3);
    addEnded(3, "flows");
    const tidy = open();
    await tidy(NAMESPACE, timeFor(100));
    await tidy(new Set(["flows"]), timeFor(100));
    expect(fake.store.jobs).toHaveLength(0);
  });

  it("begins again where too much time has passed between two pages", async () => {
    addEnded(600);
    const tidy = open();
    await tidy(NAMESPACE, timeFor(1));
    const answer = { status: 410, reason: "Expired", message: "too old" };
    fake.faults.push({ method: "GET", path: /continue=/, answer });
    await tidy(NAMESPACE, timeFor(1_000));
    expect(fake.faults).toHaveLength(0);
    expect([fake.store.jobs.length, lines]).toEqual([0, []]);
  });

  it("leaves none behind one that cannot be deleted", async () => {
    addEnded(50);
    kept = new Set(names().slice(0, 1));
    await open()(NAMESPACE, timeFor(100));
    expect(names()).toEqual([...kept]);
    expect(lines).toEqual(["finished jobs not deleted yet"]);
  });

  it("leaves none for good behind many that may never be deleted", async () => {
    addEnded(360);
    kept = new Set(names().slice(0, 300));
    const tidy = open();
    await passes(tidy, 16);
    expect(names()).toEqual([...kept]);
    addEnded(50);
    await passes(tidy, 1);
    expect(names()).toEqual([...kept]);
  });

  it("tries all in turn that it may not delete, and deletes them once it may", async () => {
    addEnded(50);
    kept = new Set(names());
    const tidy = open();
    await passes(tidy, 3);
    expect(tried).toEqual([...names(), ...names().slice(0, 20)]);
    const [allowed = ""] = names().slice(-1);
    kept.delete(allowed);
    await passes(tidy, 3);
    expect(names()).toEqual([...kept]);
  });

  it("gives up for five minutes where it may delete nothing", async () => {
    addEnded(600);
    const tidy = open();
    const answer = { status: 403, reason: "Forbidden", message: "no" };
    for (let times = 0; times < 600; times++)
      fake.faults.push({ method: "DELETE", path: /jobs/, answer });
    for (let look = 0; look < 5; look++) {
      await tidy(NAMESPACE, timeFor(1_000));
      fake.advance(1, 59);
    }
    expect(fake.faults.length).toBeGreaterThan(500);
    expect(lines).toEqual(["finished jobs not deleted yet"]);
    fake.faults.length = 0;
    fake.advance(1, 5);
    await tidy(NAMESPACE, timeFor(1_000));
    expect(fake.store.jobs).toHaveLength(0);
  });
});
