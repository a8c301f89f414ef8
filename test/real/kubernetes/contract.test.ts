import { randomUUID } from "node:crypto";
import { backendContract } from "../../contracts/backend.ts";
import type { RequestParts } from "../../contracts/request.ts";
import { openCluster } from "./cluster.ts";

const IMAGE = process.env["SLUICE_TEST_IMAGE"] ?? "busybox:stable";

function parts(command: readonly string[], options: RequestParts["config"] = {}): RequestParts {
  return {
    command,
    agent: { backend: "kubernetes" },
    config: {
      type: "KubernetesRun",
      backend: "kubernetes",
      ...options,
      options: { image: IMAGE, ...options.options },
    },
  };
}

backendContract("kubernetes", {
  once: "always",
  logs: true,
  installations: true,
  open: async () => {
    const cluster = await openCluster();
    const { namespace } = cluster;
    const policy = { spec: { template: { spec: { restartPolicy: "Always" } } } };
    const lines = ["one", "two ", "ü three"];
    return {
      backend: cluster.open(),
      reopen: () => cluster.open(),
      openFor: (installation) => cluster.open({}, { installation }),
      succeeds: parts(["sh", "-c", "exit 0"]),
      fails: parts(["sh", "-c", "exit 3"]),
      runs: parts(["sleep", "600"]),
      refused: {
        "a namespace that is not there": parts(["true"], {
          options: { namespace: "sluice-nowhere" },
        }),
        "a restart policy no Job has": parts(["true"], { options: { job_template: policy } }),
        "a resource that is no number": parts(["true"], { options: { cpu_limit: "much" } }),
      },
      writes: { request: parts(["printf", "%s\\n", ...lines]), lines },
      unknown: {
        backend: "kubernetes",
        id: `${namespace}/sluice-unknown-1`,
        ref: {
          namespace,
          name: "sluice-unknown-1",
          run: `unknown-${randomUUID().slice(0, 8)}`,
          launch: 1,
          container: "flow",
        },
      },
      started: async () => (await cluster.jobs()).length,
      tick: () => cluster.tick(),
      close: () => cluster.close(),
    };
  },
});
