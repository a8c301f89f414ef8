import { describe, expect, it } from "vitest";
import type { World } from "../../../src/backend.ts";
import { backend as module } from "../../../src/backends/kubernetes/index.ts";
import { jobName, ownerLabels, runsSelector } from "../../../src/backends/kubernetes/names.ts";
import { engines } from "../../../src/engines/index.ts";
import { PermanentError } from "../../../src/errors.ts";
import type { JsonObject } from "../../../src/json.ts";
import { parseRunConfig, type RunConfig } from "../../../src/run-config/index.ts";
import { thrownBy } from "../../contracts/backend-steps.ts";
import { launchRequest, type RequestParts, testAgent } from "../../contracts/request.ts";
import { kubeconfigFor } from "../../fakes/kubernetes.ts";
import type { FakePodSpec } from "../../fakes/kubernetes-objects.ts";
import { testWorld } from "../../fakes/world.ts";

interface Planned {
  readonly metadata: { readonly name: string; readonly labels: Record<string, string> };
  readonly spec: JsonObject & {
    readonly template: {
      readonly metadata: { readonly labels: Record<string, string> };
      readonly spec: FakePodSpec;
    };
  };
}

async function planFor(parts: RequestParts, options: JsonObject = {}, world: Partial<World> = {}) {
  const all = { kubeconfig: { secret: "env:KUBECONFIG_TEXT" }, ...options };
  const agent = testAgent({ backend: "kubernetes", options: all, ...parts.agent });
  const secret = async () => kubeconfigFor("https://cluster.test:6443");
  const plan = await module
    .open(agent, testWorld({ secret, ...world }))
    .plan(launchRequest({ ...parts, agent }));
  const { namespace, job } = plan.launch as unknown as { namespace: string; job: Planned };
  return { ...plan, namespace, job, pod: job.spec.template.spec };
}

function wired(wire: JsonObject): RunConfig {
  const parsed = parseRunConfig(wire, "run_config");
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
  return parsed.config;
}

function templated(template: JsonObject | string, more: JsonObject = {}): RequestParts {
  return {
    config: wired({ type: "KubernetesRun", image: "etl:1", job_template: template, ...more }),
  };
}

async function issuesOf(parts: RequestParts, options: JsonObject = {}, world: Partial<World> = {}) {
  const thrown = await thrownBy(() => planFor(parts, options, world));
  if (!(thrown instanceof PermanentError)) throw new Error(`expected a refusal, got ${thrown}`);
  return thrown.issues.map(({ path, message }) => `${path} | ${message}`);
}

const POD = { spec: { template: { spec: { containers: [{ name: "flow" }] } } } };

describe("the name of a Job", () => {
  it("says run and launch", () => {
    expect(jobName({ runId: "ab5d0c1e-1111-4111-8111-000000000002", launch: 3 }, undefined)).toBe(
      "sluice-ab5d0c1e-1111-4111-8111-000000000002-3",
    );
  });

  it("is valid, and its own for each run and launch, whatever the run is called", () => {
    const ids = ["a", "A", "x".repeat(40), "X".repeat(300), "ü", "a_b", "a.b", "", "-"];
    const installations = [undefined, "sluice-dev", `Team.Data_${"x".repeat(240)}`, "-"];
    const names = ids.flatMap((runId) =>
      installations.flatMap((installation) =>
        [1, 2, 1234].map((launch) => jobName({ runId, launch }, installation)),
      ),
    );
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^(?=.{1,63}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);
    for (const id of ids) {
      for (const installation of installations) {
        for (const value of Object.values(ownerLabels({ runId: id, launch: 1 }, installation))) {
          expect(value).toMatch(/^(?=.{0,63}$)([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/);
        }
      }
    }
  });

  it("ends with what its installation is called, as a hash; a label names it", () => {
    const key = { runId: "ab5d0c1e-1111-4111-8111-000000000002", launch: 3 };
    expect(jobName(key, "sluice-dev")).toMatch(
      /^sluice-ab5d0c1e-1111-4111-8111-000000000002-3-[0-9a-f]{10}$/,
    );
    expect(ownerLabels(key, "sluice-dev")).toMatchObject({ "sluice/installation": "sluice-dev" });
  });

  it("is found by a selector that names each run once", () => {
    expect(runsSelector(["a", "b", "a"])).toBe("sluice/run-id in (a,b)");
  });
});

describe("the command of a Job", () => {
  const config = wired({ type: "KubernetesRun", image: "etl:1" });

  it("replaces the image's own entry point, and whatever a template starts", async () => {
    const flow = { name: "flow", command: ["/entry.sh"], args: ["x"] };
    const template = { spec: { template: { spec: { containers: [flow] } } } };
    const parts = { ...templated(template), engine: engines.command, flow: { command: "a | b" } };
    const [container] = (await planFor(parts)).pod.containers;
    expect(container).toMatchObject({ command: ["/bin/sh", "-c", "a | b"] });
    expect(container).not.toHaveProperty("args");
  });

  it("and Sluice's variables arrive as they are, though Kubernetes replaces references", async () => {
    const parts = { config, command: ["sh", "-c", "kill $$; echo $(date) $(SLUICE_RUN_ID)"] };
    const { pod } = await planFor({
      ...parts,
      parameters: { a: "$(SLUICE_RUN_ID)" },
      env: { B: "$(A)" },
    });
    const [container] = pod.containers;
    expect(container?.command?.at(-1)).toBe("kill $$$$; echo $(date) $$(SLUICE_RUN_ID)");
    expect(container?.env).toEqual(
      expect.arrayContaining([
        { name: "SLUICE_PARAMETERS", value: '{"a":"$$(SLUICE_RUN_ID)"}' },
        { name: "B", value: "$(A)" },
      ]),
    );
  });

  it("stays the template's or the image's where the flow has none", async () => {
    const flow = { name: "flow", command: ["/entry.sh"], args: ["x"] };
    const template = { spec: { template: { spec: { containers: [flow] } } } };
    const parts = { ...templated(template), command: null };
    expect((await planFor(parts)).pod.containers[0]).toMatchObject({
      command: ["/entry.sh"],
      args: ["x"],
    });
    const [bare] = (await planFor({ config, command: null })).pod.containers;
    expect(bare).not.toHaveProperty("command");
    expect(bare).not.toHaveProperty("args");
  });

  it("is given to Prefect 1 as arguments of a template's entry point", async () => {
    const parts = { config, engine: engines.prefect1, flow: { core_version: "1.4.1" } };
    const [container] = (await planFor(parts)).pod.containers;
    expect(container).toMatchObject({ args: ["prefect", "execute", "flow-run"] });
    expect(container).not.toHaveProperty("command");
  });
});

describe("a flow runner of Orion", () => {
  const runner = {
    image: "etl:2",
    namespace: "flows",
    service_account_name: "runner",
    labels: { team: "data", "sluice/run-id": "forged" },
    image_pull_policy: "Always",
    restart_policy: "OnFailure",
    node_selector: { disk: "fast" },
    env: { PREFECT_API_URL: "http://orion:4200/api" },
    stream_output: false,
  };

  it("makes a Job with all it names", async () => {
    const parts = {
      runId: "run-7",
      runName: "Brave Otter!",
      config: wired({ type: "kubernetes", config: runner }),
      engine: engines.orion,
    };
    const { namespace, job, pod, target, warnings } = await planFor(parts);
    expect({ namespace, target }).toEqual({
      namespace: "flows",
      target: "cluster.test:6443/flows",
    });
    expect(job.metadata.labels).toEqual({
      team: "data",
      "sluice/delete-finished": "true",
      "sluice/run-id": "run-7",
      "sluice/launch": "1",
      "io.prefect.flow-run-id": "run-7",
      "io.prefect.flow-run-name": "brave-otter",
      app: "orion",
    });
    expect(pod).toMatchObject({
      serviceAccountName: "runner",
      restartPolicy: "OnFailure",
      nodeSelector: { disk: "fast" },
    });
    expect(pod.containers).toHaveLength(1);
    expect(pod.containers[0]).toMatchObject({
      name: "job",
      image: "etl:2",
      imagePullPolicy: "Always",
      command: ["python", "-m", "prefect.engine", "run-7"],
    });
    expect(job.spec["backoffLimit"]).toBe(0);
    expect(warnings.join()).toContain("restartPolicy OnFailure");
  });

  it("takes the agent's namespace, account and template where it names none", async () => {
    const config = wired({
      type: "kubernetes",
      config: { image: "etl:2", env: runner.env, node_selector: { disk: "fast" } },
    });
    const spec = {
      nodeSelector: { zone: "a" },
      restartPolicy: "OnFailure",
      containers: [{ name: "x" }],
    };
    const { namespace, pod } = await planFor(
      { config, engine: engines.orion },
      { namespace: "jobs", service_account_name: "agent", job_template_path: "/t.yml" },
      { readTemplate: async () => ({ spec: { template: { spec } } }) },
    );
    expect(namespace).toBe("jobs");
    expect(pod).toMatchObject({
      serviceAccountName: "agent",
      nodeSelector: { zone: "a", disk: "fast" },
      restartPolicy: "Never",
    });
    expect(pod.containers[0]).toMatchObject({ name: "x" });
  });

  it("needs the address of its API", async () => {
    const config = wired({ type: "kubernetes", config: { image: "etl:2" } });
    expect(await issuesOf({ config, engine: engines.orion })).toEqual([
      expect.stringContaining("run_config.config.env.PREFECT_API_URL"),
    ]);
  });
});

describe("what would break once", () => {
  const NONE_TO_COMPLETE = { spec: { completions: 0 } };

  it.each([
    ["parallelism", { spec: { parallelism: 2 } }, "run_config.job_template.spec.parallelism"],
    ["no pod", { spec: { parallelism: 0 } }, "run_config.job_template.spec.parallelism"],
    ["fewer than none", { spec: { parallelism: -1 } }, "run_config.job_template.spec.parallelism"],
    ["completions", { spec: { completions: 3 } }, "run_config.job_template.spec.completions"],
    [
      "a Job that is complete at once",
      NONE_TO_COMPLETE,
      "run_config.job_template.spec.completions",
    ],
    [
      "generateName",
      { metadata: { generateName: "x-" } },
      "run_config.job_template.metadata.generateName",
    ],
    [
      "a short life after the end",
      { spec: { ttlSecondsAfterFinished: 60 } },
      "run_config.job_template.spec.ttlSecondsAfterFinished",
    ],
  ])("is refused: %s", async (_, template: JsonObject, path) => {
    const spec = { ...POD.spec, ...(template["spec"] as object | undefined) };
    const issues = await issuesOf(templated({ ...template, spec }));
    expect(issues).toEqual([expect.stringMatching(new RegExp(`^${path} \\| expected`))]);
  });

  it("is not what is harmless", async () => {
    const spec = { ...POD.spec, parallelism: 1, completions: 1, ttlSecondsAfterFinished: 3600 };
    const { job } = await planFor(templated({ spec }));
    expect(job.spec).toMatchObject({
      parallelism: 1,
      completions: 1,
      ttlSecondsAfterFinished: 3600,
    });
    const nulls = {
      ...POD.spec,
      parallelism: null,
      backoffLimit: null,
      ttlSecondsAfterFinished: null,
    };
    expect((await planFor(templated({ spec: nulls }))).job.spec).toMatchObject({
      backoffLimit: 0,
      ttlSecondsAfterFinished: null,
    });
  });

  it("is told where Kubernetes may start the flow again by itself", async () => {
    const { job, warnings } = await planFor(templated({ spec: { ...POD.spec, backoffLimit: 2 } }));
    expect(job.spec["backoffLimit"]).toBe(2);
    expect(warnings).toEqual([
      "spec.backoffLimit 2 lets Kubernetes start the flow again by itself; set it to 0 so that one launch runs the flow once",
    ]);
  });
});

describe("a Job's lifetime", () => {
  const parts = { config: wired({ type: "KubernetesRun", image: "etl:1" }) };

  it("is not limited, for Kubernetes does not know when its end is stored", async () => {
    const { job, warnings } = await planFor(parts);
    expect(job.spec).not.toHaveProperty("ttlSecondsAfterFinished");
    expect(warnings).toEqual([]);
  });

  it("ends after its run's if the agent says so, which is on its label", async () => {
    const label = "sluice/delete-finished";
    expect((await planFor(parts)).job.metadata.labels).toHaveProperty([label], "true");
    const kept = await planFor(parts, { delete_finished_jobs: false });
    expect(kept.job.metadata.labels).not.toHaveProperty([label]);
  });

  it("is a template's own, with a warning", async () => {
    const spec = { ...POD.spec, ttlSecondsAfterFinished: 7200 };
    const { job, warnings } = await planFor(templated({ spec }));
    expect(job.spec).toHaveProperty("ttlSecondsAfterFinished", 7200);
    expect(warnings).toEqual([expect.stringContaining("spec.ttlSecondsAfterFinished 7200")]);
  });
});

describe("a job template", () => {
  it("is read from YAML text, and its faults have a line", async () => {
    const text = "spec: {template: {spec: {tolerations: [{key: k}], containers: [{name: x}]}}}";
    const { pod } = await planFor(templated(text));
    expect(pod["tolerations"]).toEqual([{ key: "k" }]);
    const thrown = await thrownBy(() => planFor(templated("spec:\n  secret-value: [1")));
    expect(thrown).toMatchObject({ code: "template" });
    expect(String(thrown)).toMatch(/run_config\.job_template .*line 2/);
    expect(String(thrown)).not.toContain("secret-value");
  });

  it.each([
    ["text that is no mapping", "just text", "run_config.job_template | expected an object"],
    ["no pod", { kind: "Job" }, "run_config.job_template.spec | expected an object, got nothing"],
    [
      "labels that are null",
      { ...POD, metadata: { labels: null } },
      "run_config.job_template.metadata.labels | expected an object, got null",
    ],
    [
      "variables without a name",
      { spec: { template: { spec: { containers: [{ env: [{ value: "x" }] }] } } } },
      "run_config.job_template.spec.template.spec.containers.0.env.0.name | expected text",
    ],
  ])("is refused with %s", async (_, template, message) => {
    expect(await issuesOf(templated(template))).toEqual([expect.stringContaining(message)]);
  });

  it.each([
    ["Deployment", "apps/v1", ["apiVersion", "kind"]],
    ["CronJob", "batch/v1", ["kind"]],
    ["Pod", "v1", ["apiVersion", "kind"]],
    ["List", "v1", ["apiVersion", "kind"]],
    ["Job", "batch/v1beta1", ["apiVersion"]],
    ["job", undefined, ["kind"]],
  ])("is refused if it is a %s of %s", async (kind, apiVersion, fields) => {
    const template = { ...POD, kind, ...(apiVersion === undefined ? {} : { apiVersion }) };
    const issues = await issuesOf(templated(template));
    expect(issues.map((issue) => issue.split(" | ")[0])).toEqual(
      fields.map((field) => `run_config.job_template.${field}`),
    );
    expect(issues[0]).toMatch(/expected (Job|batch\/v1)\b.*, got the text "/);
  });

  it("may leave open what it is", async () => {
    const { job } = await planFor(templated({ ...POD, kind: null }));
    expect(job).toMatchObject({ kind: null });
    const said = await planFor(templated({ ...POD, kind: "Job", apiVersion: "batch/v1" }));
    expect(said.job).toMatchObject({ kind: "Job", apiVersion: "batch/v1" });
  });

  it("is refused with all its faults at once", async () => {
    const containers = [{ name: "flow", env: null, resources: null }];
    const template = {
      metadata: null,
      spec: { parallelism: 2, template: { spec: { containers } } },
    };
    expect(await issuesOf(templated(template))).toHaveLength(4);
  });

  it("of a file is read for every run, and its faults name its place", async () => {
    const read: unknown[] = [];
    const world: Partial<World> = {
      readTemplate: async (uri, agent, source) => {
        read.push([uri, agent.name, source]);
        return { kind: "Job" };
      },
    };
    const path = wired({
      type: "KubernetesRun",
      image: "etl:1",
      job_template_path: "s3://b/j.yml",
    });
    expect(await issuesOf({ config: path }, {}, world)).toEqual([
      "run_config.job_template_path | spec: expected an object, got nothing",
    ]);
    const config = wired({ type: "KubernetesRun", image: "etl:1" });
    expect(await issuesOf({ config }, { job_template_path: "/agent.yml" }, world)).toEqual([
      "agent.job_template_path | spec: expected an object, got nothing",
    ]);
    expect(read).toEqual([
      ["s3://b/j.yml", "test", "message"],
      ["/agent.yml", "test", "agent"],
    ]);
  });

  it("is not changed by making a Job from it", async () => {
    const template = { ...POD, metadata: { labels: { a: "b" } } };
    const before = structuredClone(template);
    await planFor(templated(template));
    expect(template).toEqual(before);
  });
});

describe("a Job without Prefect", () => {
  it("bears only Sluice's labels, on itself and on its pods", async () => {
    const { job } = await planFor({
      runId: "run-7",
      launch: 2,
      config: wired({ type: "KubernetesRun", image: "etl:1" }),
    });
    const labels = { "sluice/run-id": "run-7", "sluice/launch": "2" };
    expect(job.metadata).toEqual({
      name: "sluice-run-7-2",
      labels: { ...labels, "sluice/delete-finished": "true" },
    });
    expect(job.spec.template.metadata.labels).toEqual(labels);
  });

  it("takes a universal run config, with the flow's image", async () => {
    const storage = { type: "Docker", registry_url: "reg", image_name: "etl", image_tag: "3" };
    const { pod } = await planFor({ config: wired({ type: "UniversalRun" }), flow: { storage } });
    expect(pod.containers[0]).toMatchObject({ name: "flow", image: "reg/etl:3" });
  });
});

describe("options of an agent", () => {
  it.each([
    [{ namespace: "" }],
    [{ image_pull_secrets: "ab" }],
    [{ start_grace_seconds: -1 }],
    [{ delete_finished_jobs: "true" }],
    [{ kubeconfig: { secret: "plain" } }],
    [{ colour: "red" }],
  ])("are refused if they are %j", (options) => {
    expect(module.agentOptions.safeParse(options).success).toBe(false);
  });

  it("have effect or are told to have none", async () => {
    const config = wired({ type: "KubernetesRun", image: "etl:1" });
    const { warnings } = await planFor({ config }, { volumes: [{ name: "v" }], volume_mounts: [] });
    expect(warnings).toEqual([
      "the agent's volumes have no effect: put them into a job template",
      "the agent's volume_mounts have no effect: put them into a job template",
    ]);
  });
});
