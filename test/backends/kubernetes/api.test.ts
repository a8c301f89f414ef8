import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type KubernetesApi, kubernetesApi } from "../../../src/backends/kubernetes/api.ts";
import { connect } from "../../../src/backends/kubernetes/connect.ts";
import { NotSentError } from "../../../src/backends/kubernetes/errors.ts";
import { type FakeKubernetes, fakeKubernetes, kubeconfigFor } from "../../fakes/kubernetes.ts";
import { type FakeJob, newMetadata } from "../../fakes/kubernetes-objects.ts";
import { testWorld } from "../../fakes/world.ts";

let fake: FakeKubernetes;
let api: KubernetesApi;

beforeEach(async () => {
  fake = await fakeKubernetes();
  const world = testWorld({ secret: async () => fake.kubeconfig });
  api = kubernetesApi(() => connect({ kubeconfig: { secret: "env:K" } }, world));
});
afterEach(() => fake.close());

function addJobs(count: number): void {
  for (let index = 0; index < count; index++) {
    const metadata = newMetadata(fake.store, {
      name: `job-${index}`,
      namespace: "default",
      labels: { many: "yes" },
    });
    const job: FakeJob = { metadata, spec: { template: { spec: { containers: [] } } }, status: {} };
    fake.store.jobs.push(job);
  }
}

const JOBS = /\/jobs$/;
const EXPIRED = {
  status: 410,
  reason: "Expired",
  message: "The provided continue parameter is too old",
};

describe("listing", () => {
  it("reads all pages", async () => {
    addJobs(1201);
    const jobs = await api.listJobs("default", "many=yes");
    expect(new Set(jobs.map(({ metadata }) => metadata?.name)).size).toBe(1201);
    expect(fake.requests).toHaveLength(3);
  });

  it("begins again when its pages have become too old, and tells nothing twice", async () => {
    addJobs(1201);
    fake.faults.push({ method: "GET", path: /continue=/, answer: EXPIRED });
    const jobs = await api.listJobs("default", "many=yes");
    expect(jobs).toHaveLength(1201);
    expect(new Set(jobs.map(({ metadata }) => metadata?.name)).size).toBe(1201);
    expect(fake.faults).toEqual([]);
  });

  it("gives up when its pages are always too old", async () => {
    for (let times = 0; times < 10; times++) {
      fake.faults.push({ method: "GET", path: JOBS, answer: EXPIRED });
    }
    await expect(api.listJobs("default", "many=yes")).rejects.toThrow(/410 Expired/);
    expect(fake.faults.length).toBeGreaterThan(0);
  });

  it("asks only once for what it may not see", async () => {
    fake.faults.push({ method: "GET", path: JOBS, answer: { status: 403, message: "no" } });
    await expect(api.listJobs("default", "many=yes")).rejects.toThrow(/403/);
    expect(fake.requests).toHaveLength(1);
  });
});

describe("an answer that is no success", () => {
  it("is told in its own words even if it is no JSON", async () => {
    fake.faults.push({ method: "GET", path: JOBS, answer: { status: 502 } });
    await expect(api.listJobs("default", "a")).rejects.toThrow("502");
  });
});

describe("creating", () => {
  it.each([
    ["apps/v1", "Deployment", /400 BadRequest: the API version in the data \(apps\/v1\)/],
    ["batch/v1beta1", "Job", /400 BadRequest: the API version in the data/],
    ["batch/v1", "CronJob", /400 BadRequest: CronJob .* cannot be handled as a Job/],
  ])("is refused for a %s %s", async (apiVersion, kind, message) => {
    const job = { apiVersion, kind, metadata: { name: "a" }, spec: {} };
    const creating = api.createJob("default", job, new AbortController().signal);
    await expect(creating).rejects.toThrow(message);
  });
});

describe("deleting", () => {
  it("leaves a Job that has taken the name since", async () => {
    addJobs(1);
    await api.deleteJob("default", "job-0", "uid-of-another");
    expect(fake.store.jobs).toHaveLength(1);
    await api.deleteJob("default", "job-0", fake.job("job-0").metadata.uid);
    expect(fake.store.jobs).toEqual([]);
    await api.deleteJob("default", "job-0", "any");
  });
});

describe("a connection", () => {
  it("is looked for again after it was not found", async () => {
    let tries = 0;
    const world = testWorld({ secret: async () => fake.kubeconfig });
    const flaky = kubernetesApi(async () => {
      tries++;
      if (tries === 1) throw new NotSentError("no cluster is known");
      return connect({ kubeconfig: { secret: "env:K" } }, world);
    });
    await expect(flaky.listJobs("default", "a")).rejects.toThrow("no cluster is known");
    expect(await flaky.listJobs("default", "a")).toEqual([]);
    await flaky.listJobs("default", "a");
    expect(tries).toBe(2);
  });

  it("is made anew at once if its credentials are not taken, and given up if new ones are not", async () => {
    const tokens = ["first", undefined, "second", "third", undefined];
    const secret = async () => kubeconfigFor(fake.url, tokens.shift());
    const world = testWorld({ secret });
    const renewed = kubernetesApi(() => connect({ kubeconfig: { secret: "env:K" } }, world));
    expect(await renewed.listJobs("default", "a")).toEqual([]);
    await renewed.listJobs("default", "a");
    expect(tokens).toHaveLength(3);
    const refused = kubernetesApi(() => connect({ kubeconfig: { secret: "env:K" } }, world));
    await expect(refused.listJobs("default", "a")).rejects.toThrow("401");
    expect(await refused.listJobs("default", "a")).toEqual([]);
  });

  it("tells its server without asking it", async () => {
    expect(await api.server()).toBe(fake.url);
    expect(fake.requests).toEqual([]);
  });
});
