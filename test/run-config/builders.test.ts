import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { PermanentError } from "../../src/errors.ts";
import type { JsonObject } from "../../src/json.ts";
import {
  dockerRun,
  ecsRun,
  kubernetesRun,
  localRun,
  universalRun,
  vertexRun,
} from "../../src/run-config/builders.ts";
import {
  dockerFlowRunner,
  kubernetesFlowRunner,
  subprocessFlowRunner,
  universalFlowRunner,
} from "../../src/run-config/flow-runners.ts";
import { read } from "./read.ts";

function issuesOf(build: () => JsonObject): string[] {
  try {
    build();
  } catch (error) {
    if (error instanceof PermanentError && error.code === "invalid") {
      return error.issues.map(({ path, message }) => `${path}: ${message}`);
    }
    throw error;
  }
  return [];
}

describe("the builders of run configs", () => {
  test("write every field, numbers of cpu and memory as text, labels in order", () => {
    expect(
      ecsRun({ cpu: 1024, memory: 0.5, labels: ["b", "a", "b"], taskRoleArn: "arn:t" }),
    ).toEqual({
      type: "ECSRun",
      __version__: "1.4.1",
      env: null,
      labels: ["a", "b"],
      task_definition_path: null,
      task_definition: null,
      task_definition_arn: null,
      image: null,
      cpu: "1024",
      memory: "0.5",
      task_role_arn: "arn:t",
      execution_role_arn: null,
      run_task_kwargs: null,
    });
  });

  test("write what the parser reads, whatever the type", () => {
    const built = [
      universalRun(),
      localRun({ workingDir: "/srv/../flows" }),
      dockerRun({ ports: [8080], hostConfig: { shm_size: "1g" } }),
      kubernetesRun({ cpuLimit: 2, imagePullPolicy: "Never", env: { A: 1 } }),
      vertexRun({ machineType: null, workerPoolSpecs: [null] }),
      universalFlowRunner({ env: { A: true } }),
      subprocessFlowRunner({ condaenv: "science" }),
      dockerFlowRunner({ image: "i", volumes: ["/a:/b"], networkMode: "host" }),
    ];
    expect(built.map((wire) => read(wire).type)).toEqual([
      "UniversalRun",
      "LocalRun",
      "DockerRun",
      "KubernetesRun",
      "VertexRun",
      "universal",
      "subprocess",
      "docker",
    ]);
    expect(read(built[1]).options).toEqual({ working_dir: "/flows" });
    expect(read(built[4]).options).toMatchObject({ machine_type: null, worker_pool_specs: [null] });
    expect(read(built[5]).env).toEqual({ A: "True" });
  });

  test("tell an empty env from none", () => {
    expect([universalRun({ env: {} })["env"], universalRun()["env"]]).toEqual([{}, null]);
  });

  test("refuse what cannot be, with every fault", () => {
    const wrong = { taskDefinitionArn: "a:1", image: "i", taskRoleArn: 5 } as unknown as object;
    expect(issuesOf(() => ecsRun(wrong))).toEqual([
      "task_role_arn: expected text, got 5 (number)",
      "image: expected only one of task_definition_arn, image, got 2 of them",
    ]);
  });

  test("refuse a template of this machine that cannot be used, without telling its content", () => {
    const folder = mkdtempSync(join(tmpdir(), "sluice-builders-"));
    const file = (text: string) => {
      const path = join(folder, "template.yml");
      writeFileSync(path, text);
      return path;
    };
    const thrownWith = (jobTemplatePath: string) => {
      try {
        return kubernetesRun({ jobTemplatePath });
      } catch (error) {
        return error;
      }
    };
    expect(thrownWith(join(folder, "none.yml"))).toMatchObject({
      code: "template",
      message: expect.stringMatching(
        /^job_template_path: the template .*none.yml cannot be read: ENOENT/,
      ),
    });
    expect(thrownWith(file("[hush]"))).toMatchObject({
      code: "invalid",
      issues: [{ path: "job_template_path" }],
    });
    expect(thrownWith(file("a: [hush"))).toMatchObject({ code: "template" });
    expect(String(thrownWith(file("a: [hush")))).not.toContain("hush");
    rmSync(folder, { recursive: true });
  });

  test("read no file where a template is given beside its address", () => {
    const both = { jobTemplatePath: "/no/such/file", jobTemplate: {} };
    expect(issuesOf(() => kubernetesRun(both))).toEqual([
      "job_template_path: expected only one of job_template, job_template_path, got 2 of them",
    ]);
  });

  test("refuse an option that the type does not have", () => {
    const options = { image: "i" } as object;
    expect(issuesOf(() => localRun(options))).toEqual([": LocalRun knows no image; ignored"]);
    expect(issuesOf(() => subprocessFlowRunner(options))).toHaveLength(1);
  });
});

describe("the builders of flow runners", () => {
  test("write what Orion writes", () => {
    expect(
      kubernetesFlowRunner({ image: "i", nodeSelector: { "hcloud/node-group": "CPX11" } }),
    ).toEqual({
      type: "kubernetes",
      config: {
        env: {},
        image: "i",
        namespace: "default",
        service_account_name: null,
        labels: null,
        image_pull_policy: null,
        restart_policy: "Never",
        node_selector: { "hcloud/node-group": "CPX11" },
        stream_output: true,
      },
    });
  });

  test("leave the names of labels and node selectors alone", () => {
    const labels = { teamName: "data" };
    const wire = kubernetesFlowRunner({ labels, nodeSelector: { diskType: "ssd" } });
    expect(wire["config"]).toMatchObject({ labels, node_selector: { diskType: "ssd" } });
  });

  test("refuse what Orion refuses", () => {
    const both = { condaenv: "a", virtualenv: "/b" };
    expect(issuesOf(() => subprocessFlowRunner(both))).toEqual([
      "config.virtualenv: expected only one of condaenv, virtualenv, got 2 of them",
    ]);
  });
});
