import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Backend } from "../../../src/backend.ts";
import { type KubernetesApi, kubernetesApi } from "../../../src/backends/kubernetes/api.ts";
import { ASKING_MS, look } from "../../../src/backends/kubernetes/inspect.ts";
import type { Logger } from "../../../src/log.ts";
import { PAGE_MS } from "../../../src/poll.ts";
import type { Job } from "../../../src/run.ts";
import { never, newId } from "../../contracts/backend-steps.ts";
import { launchRequest, type RequestParts } from "../../contracts/request.ts";
import { type FakeKubernetes, fakeKubernetes } from "../../fakes/kubernetes.ts";
import { endPod, finish } from "../../fakes/kubernetes-controller.ts";
import { conditionOf, newMetadata, stamp } from "../../fakes/kubernetes-objects.ts";
import { openOn, parts } from "./harness.ts";

let fake: FakeKubernetes;
let backend: Backend;
let lines: string[];

beforeEach(async () => {
  fake = await fakeKubernetes();
  lines = [];
  backend = openOn(fake, {}, { log: logTo(lines) });
});
afterEach(() => fake.close());

async function launched(request: RequestParts): Promise<Job> {
  const wanted = launchRequest({ ...request, runId: request.runId ?? newId() });
  const plan = await backend.plan(wanted);
  const key = { runId: wanted.run.id, launch: wanted.launch, target: plan.target };
  const answer = await backend.launch(plan, key, never());
  if (answer.type !== "launched") throw new Error(answer.message);
  return answer.job;
}

async function statusOf(job: Job) {
  const [status] = await backend.inspect([job]);
  return status;
}

function jobOf({ id }: Job) {
  return fake.job(id.split("/")[1] ?? "");
}

describe("a Job that was stopped", () => {
  it("is brought to mind where its controller has missed the new deadline", async () => {
    const job = await launched(parts(["run"]));
    fake.advance(4);
    fake.store.deadlinesMissed.add(jobOf(job).metadata.uid);
    await backend.cancel(job);
    await backend.cancel(job);
    fake.advance(2, 10);
    const version = jobOf(job).metadata.resourceVersion;
    expect(await statusOf(job)).toMatchObject({ type: "running" });
    expect(jobOf(job).metadata.resourceVersion).not.toBe(version);
    fake.advance(3);
    expect(await statusOf(job)).toMatchObject({ type: "ended", end: "cancelled" });
  });

  it("is left alone while its controller may still be at it", async () => {
    const job = await launched(parts(["run"]));
    fake.advance(4);
    fake.store.deadlinesMissed.add(jobOf(job).metadata.uid);
    await backend.cancel(job);
    const before = fake.requests.length;
    await statusOf(job);
    expect(fake.requests.slice(before).filter((request) => request.startsWith("PATCH"))).toEqual(
      [],
    );
  });

  it("that may not be changed any more is told of, and the others are looked at", async () => {
    const job = await launched(parts(["run"]));
    const other = await launched(parts(["exit", "0"]));
    fake.advance(5);
    fake.store.deadlinesMissed.add(jobOf(job).metadata.uid);
    await backend.cancel(job);
    fake.advance(1, 10);
    fake.faults.push({ method: "PATCH", path: /jobs/, answer: { status: 403 } });
    const statuses = await backend.inspect([job, other]);
    expect(statuses).toMatchObject([{ type: "running" }, { type: "ended" }]);
    expect(lines).toEqual([expect.stringContaining("stopped job not brought to mind")]);
  });
});

describe("a Job that cannot start", () => {
  it("ends for want of its image, with Kubernetes' words, and nothing of it lives on", async () => {
    const job = await launched(parts(["run"], { config: { options: { image: "missing:1" } } }));
    fake.advance(10);
    expect(await statusOf(job)).toEqual({
      type: "pending",
      detail: 'ImagePullBackOff: Back-off pulling image "missing:1": no such image',
    });
    expect(jobOf(job).spec.activeDeadlineSeconds).toBeUndefined();
    fake.advance(1, 120);
    expect(await statusOf(job)).toMatchObject({ type: "pending" });
    expect(lines).toEqual([expect.stringContaining("job stopped")]);
    fake.advance(3);
    expect(await statusOf(job)).toMatchObject({
      type: "ended",
      end: "crashed",
      cause: {
        type: "image",
        message: expect.stringContaining('image "missing:1": no such image'),
      },
    });
    expect(fake.store.pods).toEqual([]);
    expect(conditionOf(jobOf(job), "Failed")).toBeDefined();
  });

  it("ends when no machine has taken it for a quarter of an hour", async () => {
    const job = await launched(
      parts(["run"], { config: { options: { node_selector: { machine: "none" } } } }),
    );
    fake.advance(14, 60);
    expect(await statusOf(job)).toMatchObject({
      type: "pending",
      detail: expect.stringMatching(/^Unsched/),
    });
    fake.advance(4, 60);
    await statusOf(job);
    fake.advance(3);
    expect(await statusOf(job)).toMatchObject({
      end: "crashed",
      cause: { type: "start_failed", message: expect.stringContaining("0/3 nodes are available") },
    });
  });

  it("ends when its pod is refused, with what was reported of the Job", async () => {
    const job = await launched(parts(["run"]));
    const { metadata } = jobOf(job);
    fake.store.events.push({
      metadata: newMetadata(fake.store, { name: "event", namespace: "default" }),
      involvedObject: { uid: metadata.uid },
      type: "Warning",
      reason: "FailedCreate",
      message: 'serviceaccount "gone" not found',
      lastTimestamp: stamp(fake.store),
    });
    fake.store.now = new Date(fake.store.now.getTime() + 901_000);
    expect(await statusOf(job)).toEqual({
      type: "pending",
      detail: expect.stringMatching(/^no pod yet; Job .*: FailedCreate: service/),
    });
    fake.advance(3);
    expect(await statusOf(job)).toMatchObject({
      end: "crashed",
      cause: { type: "start_failed", message: expect.stringContaining('"gone" not found') },
    });
  });

  it("is left alone when it has changed since it was looked at", async () => {
    const job = await launched(parts(["run"], { config: { options: { image: "missing:1" } } }));
    fake.advance(3);
    fake.advance(1, 120);
    fake.faults.push({
      method: "PATCH",
      path: /jobs/,
      answer: { status: 409, reason: "Conflict" },
    });
    expect(await statusOf(job)).toMatchObject({ type: "pending" });
    expect(jobOf(job).spec.activeDeadlineSeconds).toBeUndefined();
    expect(lines).toEqual([]);
  });

  it("may be gone by the time it is to be stopped", async () => {
    const job = await launched(parts(["run"], { config: { options: { image: "missing:1" } } }));
    fake.advance(3);
    fake.advance(1, 120);
    fake.faults.push({
      method: "PATCH",
      path: /jobs/,
      answer: { status: 404, reason: "NotFound" },
    });
    expect(await statusOf(job)).toMatchObject({ type: "pending" });
  });

  it("does not keep others from being seen where it may not be stopped", async () => {
    const job = await launched(parts(["run"], { config: { options: { image: "missing:1" } } }));
    const other = await launched(parts(["run"]));
    fake.advance(3);
    fake.advance(1, 120);
    const answer = { status: 403, reason: "Forbidden", message: "cannot patch" };
    fake.faults.push({ method: "PATCH", path: /jobs/, answer });
    expect((await backend.inspect([job, other])).map((status) => status?.type)).toEqual([
      "pending",
      "running",
    ]);
    expect(lines).toEqual([expect.stringMatching(/^job not stopped.*missing:1.*cannot patch/)]);
  });

  it("is judged without events where they may not be read", async () => {
    const job = await launched(parts(["run"]));
    fake.store.now = new Date(fake.store.now.getTime() + 901_000);
    fake.faults.push({
      method: "GET",
      path: /events/,
      answer: { status: 403, message: "no events" },
    });
    expect(await statusOf(job)).toMatchObject({ type: "pending" });
    expect(lines[0]).toMatch(/^events not read.*no events/);
    expect(lines[1]).toMatch(/^job stopped.*does not say why/);
  });

  it("has the patience its agent was given", async () => {
    backend = openOn(fake, { start_grace_seconds: 0 });
    const job = await launched(parts(["run"], { config: { options: { image: "missing:1" } } }));
    fake.advance(3);
    await statusOf(job);
    fake.advance(3);
    expect(await statusOf(job)).toMatchObject({ end: "crashed", cause: { type: "image" } });
  });
});

describe("a Job whose flow has ended beside a container that goes on", () => {
  it("ends as the flow did, and the other container is stopped", async () => {
    const job_template = {
      spec: {
        template: { spec: { containers: [{ name: "flow" }, { name: "proxy", image: "p" }] } },
      },
    };
    const job = await launched(parts(["run"], { config: { options: { job_template } } }));
    fake.advance(4);
    const [pod] = fake.pods(jobOf(job).metadata.name);
    const flow = pod?.status.containerStatuses?.[0];
    if (flow)
      flow.state = { terminated: { exitCode: 6, reason: "Error", finishedAt: stamp(fake.store) } };
    fake.advance(1, 120);
    expect(await statusOf(job)).toMatchObject({ type: "running" });
    fake.advance(3);
    expect(await statusOf(job)).toMatchObject({
      end: "failed",
      cause: { type: "exit", exitCode: 6 },
    });
    expect(fake.store.pods).toEqual([]);
  });
});

describe("cancelling", () => {
  it("leaves a Job that tells who ended it", async () => {
    const job = await launched(parts(["run"]));
    fake.advance(5);
    await backend.cancel(job);
    expect(await statusOf(job)).toMatchObject({ type: "running" });
    fake.advance(3);
    expect(await statusOf(job)).toEqual({
      type: "ended",
      end: "cancelled",
      cause: { type: "requested", message: "cancelled on request" },
    });
  });

  it("asks once, however often it is called", async () => {
    const job = await launched(parts(["run"]));
    fake.advance(5);
    for (let times = 0; times < 3; times++) await backend.cancel(job);
    expect(fake.requests.filter((line) => line.startsWith("PATCH"))).toHaveLength(1);
  });

  it("waits for the pod where Kubernetes calls the Job failed before", async () => {
    await fake.close();
    fake = await fakeKubernetes({ failsEarly: true, withoutReady: true });
    backend = openOn(fake);
    const job = await launched(parts(["run"]));
    fake.advance(5);
    expect(await statusOf(job)).toMatchObject({ type: "running" });
    await backend.cancel(job);
    fake.advance(1);
    expect(conditionOf(jobOf(job), "Failed")?.reason).toBe("DeadlineExceeded");
    expect(await statusOf(job)).toEqual({ type: "running" });
    fake.advance(1);
    expect(await statusOf(job)).toMatchObject({ end: "cancelled" });
  });

  it("reports the success of a flow that was faster", async () => {
    const job = await launched(parts(["run"]));
    fake.advance(5);
    const [pod] = fake.pods(jobOf(job).metadata.name);
    if (pod) endPod(fake.store, pod, { exitCode: 0 });
    await backend.cancel(job);
    finish(fake.store, jobOf(job), "Failed", "DeadlineExceeded", "too long");
    expect(await statusOf(job)).toMatchObject({ end: "succeeded" });
  });

  it("deletes a suspended Job, of which nothing runs", async () => {
    const job_template = {
      spec: { suspend: true, template: { spec: { containers: [{ name: "flow" }] } } },
    };
    const job = await launched(parts(["run"], { config: { options: { job_template } } }));
    fake.advance(2);
    expect(await statusOf(job)).toEqual({ type: "pending", detail: "suspended" });
    await backend.cancel(job);
    expect(await statusOf(job)).toEqual({ type: "missing" });
  });
});

describe("inspecting", () => {
  it("calls a Job missing that somebody deleted", async () => {
    const job = await launched(parts(["run"]));
    fake.store.jobs.length = 0;
    expect(await statusOf(job)).toEqual({ type: "missing" });
  });

  it("calls a Job missing whose lifetime is over", async () => {
    const job_template = {
      spec: {
        ttlSecondsAfterFinished: 3600,
        template: { spec: { containers: [{ name: "flow" }] } },
      },
    };
    const job = await launched(parts(["exit", "0"], { config: { options: { job_template } } }));
    fake.advance(5);
    expect(await statusOf(job)).toMatchObject({ end: "succeeded" });
    fake.advance(2, 3600);
    expect(await statusOf(job)).toEqual({ type: "missing" });
  });

  it("goes on with a Job that replaces an evicted pod, also while both are there", async () => {
    const job_template = {
      spec: { backoffLimit: 1, template: { spec: { containers: [{ name: "flow" }] } } },
    };
    const job = await launched(parts(["run"], { config: { options: { job_template } } }));
    fake.advance(4);
    const [pod] = fake.pods(jobOf(job).metadata.name);
    if (pod) {
      endPod(fake.store, pod, { exitCode: 137 });
      pod.status.reason = "Evicted";
    }
    fake.advance(1);
    expect(fake.pods(jobOf(job).metadata.name)).toHaveLength(2);
    expect(await statusOf(job)).toMatchObject({ type: "pending" });
    fake.advance(3);
    expect(await statusOf(job)).toMatchObject({ type: "running" });
  });

  it("asks in two calls for each hundred runs, and for no pods of Jobs that run", async () => {
    const jobs: Job[] = [];
    for (let count = 0; count < 250; count++) jobs.push(await launched(parts(["run"])));
    fake.advance(2);
    fake.requests.length = 0;
    expect((await backend.inspect(jobs)).map((status) => status?.type)).toEqual(
      jobs.map(() => "pending"),
    );
    expect(fake.requests).toHaveLength(6);
    fake.advance(3);
    fake.requests.length = 0;
    expect((await backend.inspect(jobs)).map((status) => status?.type)).toEqual(
      jobs.map(() => "running"),
    );
    expect(fake.requests).toHaveLength(3);
    expect(fake.requests.every((line) => line.length < 8_000)).toBe(true);
  });

  it("asks each namespace for itself, and each launch of a run", async () => {
    const runId = newId();
    const orion = { dialect: "orion", options: { namespace: "flows" } } as const;
    const jobs = [
      await launched(parts(["exit", "3"], { runId })),
      await launched(parts(["exit", "0"], { runId, launch: 2 })),
      await launched(parts(["run"], { runId, launch: 3, config: orion })),
    ];
    fake.advance(5);
    expect(await backend.inspect(jobs)).toMatchObject([
      { end: "failed" },
      { end: "succeeded" },
      { type: "running" },
    ]);
  });

  describe("of several namespaces", () => {
    const answer = { status: 403, reason: "Forbidden", message: "no jobs for you" };
    let here: Job;
    let there: Job;
    beforeEach(async () => {
      const orion = { dialect: "orion", options: { namespace: "flows" } } as const;
      here = await launched(parts(["exit", "0"]));
      there = await launched(parts(["run"], { config: orion }));
      fake.advance(5);
    });

    it.each([
      ["Jobs", /flows\/jobs/],
      ["pods", /flows\/pods/],
    ])("says nothing of those whose %s it may not list, and all of the others", async (_, path) => {
      const job = fake.store.jobs.find(({ metadata }) => metadata.namespace === "flows");
      if (job) job.status.ready = 0;
      fake.faults.push({ method: "GET", path, answer });
      expect(await backend.inspect([there, here])).toMatchObject([
        undefined,
        { type: "ended", end: "succeeded" },
      ]);
      expect(lines).toEqual([
        expect.stringMatching(/^jobs not asked about .*"jobs":1.*namespace flows: 403.*no jobs/),
      ]);
    });

    it("fails as a whole where none may be listed", async () => {
      for (const path of [/flows/, /default/])
        fake.faults.push({ method: "GET", path, answer: { ...answer, message: String(path) } });
      await expect(backend.inspect([there, here])).rejects.toThrow(/namespace flows: 403.*flows/);
      expect(lines).toEqual([]);
    });

    it("is not held up by one that does not answer", async () => {
      const deadline = new AbortController();
      const asked: string[] = [];
      const job = (namespace: string): Job => ({
        ...here,
        id: `${namespace}/${here.ref["name"]}`,
        ref: { ...here.ref, namespace },
      });
      const api: KubernetesApi = {
        ...kubernetesApi(() => Promise.reject(new Error("nobody else is asked"))),
        listJobs: (namespace) => {
          asked.push(namespace);
          return namespace.startsWith("silent")
            ? new Promise(() => undefined)
            : Promise.resolve([]);
        },
      };
      const names = ["silent-1", "a", "silent-2", "b"];
      const looking = look(names.map(job), {
        api,
        patience: { now: new Date(), startMs: 0, pendingMs: 0 },
        log: logTo(lines),
        deadline: deadline.signal,
      });
      while (asked.length < names.length) await new Promise(setImmediate);
      await new Promise(setImmediate);
      deadline.abort();
      expect([...(await looking).values()]).toEqual([
        expect.stringMatching(/^namespace silent-1: no answer within/),
        expect.stringMatching(/^namespace silent-2: no answer within/),
      ]);
      expect(ASKING_MS).toBeLessThan(PAGE_MS);
    });
  });

  it("fails as a whole where it may not look, so that nothing counts as missing", async () => {
    const job = await launched(parts(["run"]));
    fake.faults.push({
      method: "GET",
      path: /pods/,
      answer: { status: 403, message: "pods is forbidden" },
    });
    await expect(statusOf(job)).rejects.toThrow(/pods is forbidden/);
  });
});

function logTo(list: string[]): Logger {
  const write = (message: string, fields?: object) => {
    list.push(`${message} ${JSON.stringify(fields)}`);
  };
  return { info: write, warn: write, error: write };
}
