import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { faults, read, warnings } from "./read.ts";

describe("a run config of Prefect 1", () => {
  test("reports every fault of every field at once", () => {
    const wire = {
      type: "ECSRun",
      cpu: 1024,
      env: { LIST: [1], "A=B": "x" },
      labels: ["ok", 1],
      image: "repo/x",
      task_definition: {},
      task_definition_arn: "family:3",
    };
    expect(faults(wire)).toEqual([
      "run_config.env.LIST: expected text, a number, true, false or null, got a list of 1",
      'run_config.env.A=B: expected the name of a variable, without = and NUL, got the text "A=B"',
      "run_config.labels.1: expected text, got 1 (number)",
      "run_config.cpu: expected text, got 1024 (number)",
      "run_config.task_definition_arn: expected only one of task_definition, task_definition_arn, got 2 of them",
      "run_config.image: expected only one of task_definition_arn, image, got 2 of them",
    ]);
  });

  test("takes no reference to a secret from whoever may enqueue", () => {
    const wire = { type: "UniversalRun", env: { KEY: { secret: "env:AWS_SECRET_ACCESS_KEY" } } };
    expect(faults(wire)).toEqual([
      "run_config.env.KEY: expected text, a number, true, false or null, got an object",
    ]);
  });

  test.each(["", "=", "A=B", "A\u0000B"])(
    "refuses the variable %j, which no process has",
    (name) => {
      expect(faults({ type: "UniversalRun", env: { [name]: "x" } })).toHaveLength(1);
    },
  );

  test("keeps numbers, truth values and nulls of env as they are", () => {
    const env = { N: 1.5, T: true, Z: null, S: "text" };
    expect(read({ type: "LocalRun", env }).env).toEqual(env);
  });

  test("names unknown keys in one warning and ignores them, but not __version__", () => {
    const wire = { type: "LocalRun", image: "x", __version__: "0.14.0", extra: { deep: [1] } };
    expect(warnings(wire)).toEqual(["run_config: LocalRun knows no image, extra; ignored"]);
    expect(read(wire).options).toEqual({ working_dir: null });
    expect(warnings({ type: "LocalRun", __version__: "1.4.1" })).toEqual([]);
  });

  test("has its labels in order of code points, each once", () => {
    const labels = ["\u{1F600}", "b", "\uFB01", "a", "b", "B", "", "ab"];
    expect(read({ type: "UniversalRun", labels }).labels).toEqual([
      "",
      "B",
      "a",
      "ab",
      "b",
      "\uFB01",
      "\u{1F600}",
    ]);
  });

  test("reads ports as Python does, and refuses what is no number", () => {
    const portOf = (port: unknown) => read({ type: "DockerRun", ports: [port] }).options["ports"];
    expect([80.9, -0.5, "443", " 8_0 ", "+7"].map(portOf)).toEqual([[80], [0], [443], [80], [7]]);
    expect(faults({ type: "DockerRun", ports: ["80", "http", "80.9", true, null, ""] })).toEqual([
      'run_config.ports.1: expected a whole number, got the text "http"',
      'run_config.ports.2: expected a whole number, got the text "80.9"',
      "run_config.ports.3: expected a whole number, got true (boolean)",
      "run_config.ports.4: expected a whole number, got null",
      'run_config.ports.5: expected a whole number, got the text ""',
    ]);
  });

  test("has a machine type unless it is null", () => {
    expect(read({ type: "VertexRun" }).options["machine_type"]).toBe("e2-standard-4");
    expect(read({ type: "VertexRun", machine_type: null }).options["machine_type"]).toBeNull();
  });

  test("takes an object or YAML text as job template; empty text is none, and still given", () => {
    const template = (value: unknown) =>
      read({ type: "KubernetesRun", job_template: value }).options["job_template"];
    expect([{ kind: "Job" }, "kind: Job", " \n", null].map(template)).toEqual([
      { kind: "Job" },
      "kind: Job",
      null,
      null,
    ]);
    expect(faults({ type: "KubernetesRun", job_template: [] })).toEqual([
      "run_config.job_template: expected an object, YAML text or null, got a list of 0",
    ]);
    expect(faults({ type: "KubernetesRun", job_template: "", job_template_path: "a" })).toEqual([
      "run_config.job_template_path: expected only one of job_template, job_template_path, got 2 of them",
    ]);
  });

  test("keeps the path of a template without opening it", () => {
    const path = "file:///etc/passwd";
    expect(read({ type: "ECSRun", task_definition_path: path }).options).toMatchObject({
      task_definition: null,
      task_definition_path: path,
    });
  });

  test("refuses a pull policy of another spelling together with its other faults", () => {
    expect(faults({ type: "KubernetesRun", image_pull_policy: "always", image: 1 })).toEqual([
      "run_config.image: expected text, got 1 (number)",
      'run_config.image_pull_policy: expected Always, IfNotPresent, Never, got the text "always"',
    ]);
  });
});

describe("a working directory", () => {
  const normal = (path: string) =>
    read({ type: "LocalRun", working_dir: path }).options["working_dir"];

  test.each([
    ["/x/y/../z", "/x/z"],
    ["/trail/", "/trail"],
    ["/../..", "/"],
    ["//double/slash", "//double/slash"],
    ["///triple", "/triple"],
    ["//", "//"],
    ["/a/./b//c", "/a/b/c"],
    ["~/flows", "~/flows"],
    ["a/../..", ".."],
    ["../../a", "../../a"],
    ["./a", "a"],
    ["", "."],
    [".", "."],
  ])("%j is normalised to %j", (path, expected) => {
    expect(normal(path)).toBe(expected);
  });

  test("stays as it is when it is normal, and relative when it is relative", () => {
    const step = fc.constantFrom("a", "b", "..", ".", "", "~");
    fc.assert(
      fc.property(fc.array(step), fc.boolean(), (steps, absolute) => {
        const path = (absolute ? "/" : "") + steps.join("/");
        const once = String(normal(path));
        expect(normal(once)).toBe(once);
        expect(once.startsWith("/")).toBe(path.startsWith("/"));
      }),
    );
  });
});
