import { delimiter, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { test } from "vitest";
import type { JsonObject } from "../../../src/json.ts";
import { type ExamplesShape, examplesContract } from "../../contracts/examples.ts";
import { exampleAgents } from "../../contracts/examples-agents.ts";
import { type KubernetesJob, kubernetesJobs } from "../../contracts/examples-jobs.ts";
import { type ExampleMachine, startOn } from "../../contracts/examples-machine.ts";
import { openCluster } from "./cluster.ts";
import { startNode } from "./node.ts";

/** Where the agent and the flow runner of the examples have their Jobs. */
const NAMESPACE = "flows";

/** A real API server with its Job controller, and a machine that has whatever image is wanted. */
async function open(machine: ExampleMachine): Promise<ExamplesShape> {
  const { call, close } = await openCluster();
  await call("POST", "/api/v1/namespaces", { metadata: { name: NAMESPACE } });
  const node = await startNode(call, NAMESPACE);
  const closing = new AbortController();
  const working = (async () => {
    for (; !closing.signal.aborted; await pause(100)) await node.work();
  })();
  const env = { ...machine.env, KUBECONFIG: kubeconfigs() };
  return {
    run(_type, args) {
      const { cluster } = exampleAgents("examples/kubernetes/sluice.yml", () => ({}));
      // Without the secret it finds the cluster as these tests do.
      const { kubeconfig: _secret, ...rest } = cluster as JsonObject;
      return startOn(machine, { args, agents: { cluster: rest }, env });
    },
    async jobs(runId) {
      const { items } = await call("GET", `/apis/batch/v1/namespaces/${NAMESPACE}/jobs`);
      return kubernetesJobs(items as readonly KubernetesJob[], runId);
    },
    async close() {
      closing.abort();
      await working;
      await call("DELETE", `/api/v1/namespaces/${NAMESPACE}`);
      await node.close();
      await close();
    },
  };
}

/** The files KUBECONFIG names, from wherever they are read. */
function kubeconfigs(): string {
  const files = (process.env["KUBECONFIG"] ?? "").split(delimiter).filter((file) => file !== "");
  return files.map((file) => resolve(file)).join(delimiter);
}

if (process.env["SLUICE_TEST_NODE"] === "fake") {
  examplesContract("embedded", {
    open,
    anywhere: { agent: "local", backend: "local" },
    patienceMs: 60_000,
    types: ["kubernetes"],
  });
} else {
  test.skip(
    "machines of other clusters have neither the image of the examples nor the label they select",
  );
}
