import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import type { Backend } from "../../../src/backend.ts";
import type { Job, JobStatus } from "../../../src/run.ts";
import { parseYaml } from "../../../src/text/yaml.ts";
import { never, newId } from "../../contracts/backend-steps.ts";
import { launchRequest } from "../../contracts/request.ts";
import { type Cluster, openCluster } from "./cluster.ts";

const RIGHTS = new URL("../../../examples/kubernetes/rights.yml", import.meta.url);

let cluster: Cluster;
let folder: string;
beforeEach(async () => {
  cluster = await openCluster();
  folder = mkdtempSync(path.join(tmpdir(), "sluice-rights-"));
});
afterEach(async () => {
  rmSync(folder, { recursive: true });
  await cluster.close();
});

/** The backend as the user `sluice`, who has nothing but what was granted. */
function asSluice(): Backend {
  const [file = ""] = (process.env["KUBECONFIG"] ?? "").split(path.delimiter);
  const config = parseYaml(readFileSync(file, "utf8"), file) as unknown as {
    clusters: { cluster: Record<string, string> }[];
    users: { user: object }[];
  };
  for (const { cluster: settings } of config.clusters) {
    const authority = settings["certificate-authority"];
    if (authority) settings["certificate-authority"] = path.resolve(path.dirname(file), authority);
  }
  config.users = config.users.map((entry) => ({ ...entry, user: { ...entry.user, as: "sluice" } }));
  const kubeconfig = path.join(folder, "kubeconfig");
  writeFileSync(kubeconfig, JSON.stringify(config));
  return cluster.open({ kubeconfig, start_grace_seconds: 0, pending_grace_seconds: 0 });
}

async function grant(): Promise<void> {
  for (const document of parseAllDocuments(readFileSync(RIGHTS, "utf8"))) {
    const object = document.toJS() as { kind: string; metadata: object };
    const kind = `${object.kind.toLowerCase()}s`;
    const metadata = { ...object.metadata, namespace: cluster.namespace };
    const path = `/apis/rbac.authorization.k8s.io/v1/namespaces/${cluster.namespace}/${kind}`;
    await cluster.call("POST", path, { ...object, metadata });
  }
}

async function launched(backend: Backend, image: string): Promise<Job> {
  const config = { type: "KubernetesRun", options: { image } };
  const runId = newId();
  const plan = await backend.plan(launchRequest({ runId, command: ["sleep", "600"], config }));
  const key = { runId, launch: 1, target: plan.target };
  const answer = await backend.launch(plan, key, never());
  if (answer.type !== "launched") throw new Error(answer.message);
  expect(await backend.find(key)).toHaveLength(1);
  return answer.job;
}

async function until(backend: Backend, job: Job, type: JobStatus["type"]): Promise<JobStatus> {
  for (let ticks = 0; ticks < 600; ticks++) {
    const [status] = await backend.inspect([job]);
    if (status?.type === type) return status;
    await cluster.tick();
  }
  throw new Error(`the Job is never ${type}`);
}

describe("the rights in the example", () => {
  it("are needed", async () => {
    await expect(launched(asSluice(), "busybox")).rejects.toThrow(/cannot create resource "jobs"/);
  });

  it("are enough to launch, find, inspect, read, stop and cancel", async () => {
    await grant();
    const backend = asSluice();
    const job = await launched(backend, "busybox");
    await until(backend, job, "running");
    expect((await backend.logs?.(job))?.complete).toBe(false);
    await backend.cancel(job);
    expect(await until(backend, job, "ended")).toMatchObject({ end: "cancelled" });
    const hopeless = await launched(backend, "missing.invalid/none:1");
    expect(await until(backend, hopeless, "ended")).toMatchObject({ end: "crashed" });
  });
});
