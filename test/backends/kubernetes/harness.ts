import { randomUUID } from "node:crypto";
import type { Backend, World } from "../../../src/backend.ts";
import { backend as module } from "../../../src/backends/kubernetes/index.ts";
import type { JsonObject } from "../../../src/json.ts";
import type { BackendHarness } from "../../contracts/backend.ts";
import { type RequestParts, testAgent } from "../../contracts/request.ts";
import type { FakeKubernetes } from "../../fakes/kubernetes.ts";
import { testWorld } from "../../fakes/world.ts";

/** Opens the backend on a fake cluster. */
export function openOn(
  fake: FakeKubernetes,
  options: JsonObject = {},
  world: Partial<World> = {},
): Backend {
  const agent = testAgent({
    backend: "kubernetes",
    options: { kubeconfig: { secret: "env:KUBECONFIG_TEXT" }, ...options },
  });
  return module.open(
    agent,
    testWorld({ now: () => fake.store.now, secret: async () => fake.kubeconfig, ...world }),
  );
}

/** A request with an image, as a run on Kubernetes needs one. */
export function parts(command: readonly string[], more: Partial<RequestParts> = {}): RequestParts {
  return {
    command,
    agent: { backend: "kubernetes", ...more.agent },
    ...more,
    config: {
      type: "KubernetesRun",
      backend: "kubernetes",
      ...more.config,
      options: { image: "etl:1", ...more.config?.options },
    },
  };
}

/** The contract's platform: a fake cluster. */
export function harnessOn(fake: FakeKubernetes): BackendHarness {
  return {
    backend: openOn(fake),
    reopen: () => openOn(fake),
    openFor: (installation) => openOn(fake, {}, { installation }),
    succeeds: parts(["exit", "0"]),
    fails: parts(["exit", "3"]),
    runs: parts(["run"]),
    refused: {
      "a template without a pod": parts(["run"], {
        config: { options: { job_template: { kind: "Job" } } },
      }),
      "a namespace that is not there": parts(["run"], {
        config: { options: { namespace: "nowhere" } },
      }),
      "an image that is empty": parts(["run"], { config: { options: { image: "" } } }),
      "a restart policy no Job has": parts(["run"], {
        config: {
          options: { job_template: { spec: { template: { spec: { restartPolicy: "Always" } } } } },
        },
      }),
    },
    writes: {
      request: parts(["write", "one", "two ", "ü three"]),
      lines: ["one", "two ", "ü three"],
    },
    unknown: {
      backend: "kubernetes",
      id: "default/sluice-unknown-1",
      ref: {
        namespace: "default",
        name: "sluice-unknown-1",
        run: `unknown-${randomUUID().slice(0, 8)}`,
        launch: 1,
        container: "flow",
      },
    },
    started: () => fake.store.created,
    tick: () => fake.advance(),
    close: () => fake.close(),
  };
}
