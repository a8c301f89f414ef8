import { describe, expect, test } from "vitest";
import { serializeRunConfig } from "../../src/run-config/serialize.ts";
import { faults, read, warnings } from "./read.ts";

describe("a flow runner of Orion", () => {
  test("keeps its labels for the platform: they choose no agent", () => {
    const config = read({ type: "docker", config: { labels: { team: "data" } } });
    expect(config.labels).toEqual([]);
    expect(config.options["labels"]).toEqual({ team: "data" });
    expect(faults({ type: "docker", config: { labels: ["prod"] } })).toEqual([
      "run_config.config.labels: expected an object, got a list of 1",
    ]);
  });

  test("has Orion's defaults where nothing is set", () => {
    expect(read({ type: "subprocess" }).options).toEqual({
      stream_output: true,
      condaenv: null,
      virtualenv: null,
    });
    expect(read({ type: "docker", config: null }).options).toEqual({
      image: null,
      image_pull_policy: null,
      networks: [],
      network_mode: null,
      labels: null,
      auto_remove: false,
      volumes: [],
      stream_output: true,
    });
    expect(read({ type: "kubernetes", config: {} }).options).toEqual({
      image: null,
      namespace: null,
      service_account_name: null,
      labels: null,
      image_pull_policy: null,
      restart_policy: "Never",
      node_selector: null,
      stream_output: true,
    });
  });

  test("has text in env, as Orion writes numbers and truth values; null stays", () => {
    const env = { N: 1, F: 0.00001, T: true, Z: null, S: "text" };
    expect(read({ type: "universal", config: { env } }).env).toEqual({
      N: "1",
      F: "1e-05",
      T: "True",
      Z: null,
      S: "text",
    });
  });

  test("refuses both a conda and a virtual environment, but an empty one is none", () => {
    const both = { condaenv: "a", virtualenv: "/b" };
    expect(faults({ type: "subprocess", config: both })).toEqual([
      "run_config.config.virtualenv: expected only one of condaenv, virtualenv, got 2 of them",
    ]);
    expect(faults({ type: "subprocess", config: { condaenv: "", virtualenv: "/b" } })).toEqual([]);
  });

  test("refuses both networks and a network mode, but no networks are none", () => {
    expect(faults({ type: "docker", config: { networks: ["a"], network_mode: "host" } })).toEqual([
      "run_config.config.network_mode: expected only one of networks, network_mode, got 2 of them",
    ]);
    expect(faults({ type: "docker", config: { networks: [], network_mode: "host" } })).toEqual([]);
  });

  test("spells pull policies as its platform does", () => {
    const policy = (type: string, value: string) =>
      faults({ type, config: { image_pull_policy: value } });
    for (const value of ["ALWAYS", "IF_NOT_PRESENT", "NEVER"]) {
      expect(policy("docker", value)).toEqual([]);
      expect(policy("kubernetes", value)).toEqual([
        `run_config.config.image_pull_policy: expected Always, IfNotPresent, Never, got the text "${value}"`,
      ]);
    }
    for (const value of ["Always", "IfNotPresent", "Never"]) {
      expect(policy("kubernetes", value)).toEqual([]);
      expect(policy("docker", value)).toHaveLength(1);
    }
  });

  test("reports every fault at once", () => {
    const config = { volumes: ["/a:/b", "/c"], auto_remove: "yes", env: { A: {} }, image: 5 };
    expect(faults({ type: "docker", config })).toEqual([
      "run_config.config.env.A: expected text, a number, true, false or null, got an object",
      "run_config.config.image: expected text, got 5 (number)",
      'run_config.config.auto_remove: expected true or false, got the text "yes"',
      'run_config.config.volumes.1: expected a volume as local_path:container_path, got the text "/c"',
    ]);
    expect(faults({ type: "kubernetes", config: { restart_policy: "Always" } })).toHaveLength(1);
    expect(faults({ type: "kubernetes", config: "x" })).toEqual([
      'run_config.config: expected an object, got the text "x"',
    ]);
  });

  test("is warned of keys Orion would refuse, outside and inside its config", () => {
    const wire = { type: "kubernetes", env: {}, config: { image: "i", cpu: 1 } };
    expect(warnings(wire)).toEqual([
      "run_config: a kubernetes flow runner knows no env; ignored",
      "run_config.config: a kubernetes flow runner knows no cpu; ignored",
    ]);
  });

  test("is written without the members Orion takes no null for", () => {
    expect(serializeRunConfig(read({ type: "kubernetes" }))).toEqual({
      type: "kubernetes",
      config: {
        env: {},
        service_account_name: null,
        labels: null,
        image_pull_policy: null,
        restart_policy: "Never",
        stream_output: true,
      },
    });
  });
});
