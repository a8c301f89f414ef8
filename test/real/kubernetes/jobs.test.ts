import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Backend } from "../../../src/backend.ts";
import { kubernetesApi } from "../../../src/backends/kubernetes/api.ts";
import { connect } from "../../../src/backends/kubernetes/connect.ts";
import type { Job } from "../../../src/run.ts";
import { never, newId } from "../../contracts/backend-steps.ts";
import { launchRequest } from "../../contracts/request.ts";
import { testWorld } from "../../fakes/world.ts";
import { type Cluster, openCluster } from "./cluster.ts";

let cluster: Cluster;
let backend: Backend;
beforeEach(async () => {
  cluster = await openCluster();
  backend = cluster.open({ start_grace_seconds: 0 });
});
afterEach(() => cluster.close());

async function launched(image: string, command: readonly string[], runId = newId()): Promise<Job> {
  const config = { type: "KubernetesRun", options: { image } };
  const plan = await backend.plan(launchRequest({ runId, command, config }));
  const key = { runId, launch: 1, target: plan.target };
  const answer = await backend.launch(plan, key, never());
  if (answer.type !== "launched") throw new Error(answer.message);
  return answer.job;
}

async function ended(job: Job) {
  for (let ticks = 0; ticks < 600; ticks++) {
    const [status] = await backend.inspect([job]);
    if (status?.type === "ended") return status;
    await cluster.tick();
  }
  throw new Error("the Job does not end");
}

describe("a real API server with its Job controller", () => {
  it("ends a Job without an image, and keeps it to tell why", async () => {
    const job = await launched("missing.invalid/none:1", ["true"]);
    expect(await ended(job)).toMatchObject({ end: "crashed", cause: { type: "image" } });
    const [left] = await cluster.jobs();
    expect(left?.status?.["conditions"]).toMatchObject([
      { type: "Failed", reason: "DeadlineExceeded" },
    ]);
  });

  it("deletes a Job an hour after its end, with its pod, once that end is stored", async () => {
    const job = await launched("busybox", ["true"]);
    expect(await ended(job)).toMatchObject({ end: "succeeded" });
    const now = () => new Date(Date.now() + 61 * 60_000);
    await cluster.open({}, { now, isOver: async () => false }).tidy?.([job], never());
    expect(await cluster.jobs()).toMatchObject([{ status: { succeeded: 1 } }]);
    await cluster.open({}, { now, isOver: async () => true }).tidy?.([job], never());
    for (let ticks = 0; ticks < 600 && (await cluster.jobs()).length > 0; ticks++) {
      await cluster.tick();
    }
    expect(await cluster.jobs()).toEqual([]);
    const pods = await cluster.call("GET", `/api/v1/namespaces/${cluster.namespace}/pods`);
    expect(pods.items).toEqual([]);
  });

  it("refuses a manifest of another kind in words of its own", async () => {
    const path = `/apis/batch/v1/namespaces/${cluster.namespace}/jobs`;
    const other = { metadata: { name: "other" }, spec: {} };
    const created = (apiVersion: string, kind: string) =>
      cluster.call("POST", path, { apiVersion, kind, ...other });
    await expect(created("apps/v1", "Deployment")).rejects.toThrow(/BadRequest/);
    await expect(created("batch/v1", "CronJob")).rejects.toThrow(/BadRequest/);
  });

  it("refuses to adopt a Job of somebody else", async () => {
    const runId = newId();
    const { id } = await launched("busybox", ["sleep", "600"], runId);
    const path = `/apis/batch/v1/namespaces/${cluster.namespace}/jobs/${id.split("/")[1]}`;
    await cluster.call("PATCH", path, { metadata: { labels: { "sluice/launch": "7" } } });
    await expect(launched("busybox", ["true"], runId)).rejects.toMatchObject({ code: "rejected" });
  });

  it("goes on with a list behind the last page, although what was on it is gone", async () => {
    const env = { KUBECONFIG: process.env["KUBECONFIG"] ?? "" };
    const api = kubernetesApi(() => connect({}, testWorld({ cwd: process.cwd(), env })));
    const jobs = [await launched("busybox", ["true"]), await launched("busybox", ["true"])];
    const names = jobs.map(({ ref }) => String(ref["name"])).sort();
    const page = (after: string) =>
      api.pageOfJobs(cluster.namespace, "sluice/run-id", { after, limit: 1 });
    const first = await page("");
    expect(first.items.map(({ metadata }) => metadata?.name)).toEqual(names.slice(0, 1));
    await api.deleteJob(cluster.namespace, names[0] ?? "", first.items[0]?.metadata?.uid ?? "");
    const second = await page(first.next);
    expect(second.items.map(({ metadata }) => metadata?.name)).toEqual(names.slice(1));
    expect(second.next).toBe("");
  });

  it("takes selectors, patches with a version, and deletions with a uid", async () => {
    const env = { KUBECONFIG: process.env["KUBECONFIG"] ?? "" };
    const api = kubernetesApi(() => connect({}, testWorld({ cwd: process.cwd(), env })));
    const job = await launched("busybox", ["sleep", "600"]);
    const name = job.id.split("/")[1] ?? "";
    const { namespace } = cluster;
    const [found] = await api.listJobs(namespace, `sluice/run-id in (other,${job.ref["run"]})`);
    expect(found?.metadata?.name).toBe(name);
    const stale = { metadata: { resourceVersion: "1", annotations: { a: "b" } } };
    expect(await api.patchJob(namespace, name, stale)).toBe(false);
    expect(await api.patchJob(namespace, "nobody", {})).toBe(false);
    const uid = found?.metadata?.uid ?? "";
    expect(await api.listEvents(namespace, uid)).toEqual(expect.any(Array));
    await api.deleteJob(namespace, name, "11111111-1111-4111-8111-111111111111");
    expect(await api.getJob(namespace, name)).toBeDefined();
    await api.deleteJob(namespace, name, uid);
    for (let ticks = 0; ticks < 300 && (await api.getJob(namespace, name)); ticks++)
      await cluster.tick();
    expect(await api.getJob(namespace, name)).toBeUndefined();
  });
});
