import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CUSTOM_JOB, SCHEDULING, WORKER_POOL } from "../../../src/backends/vertex/fields.ts";
import { readMessage } from "../../../src/backends/vertex/message.ts";
import type { JsonObject } from "../../../src/json.ts";

describe("reading a message", () => {
  it("takes keys in both spellings", () => {
    const wanted = { machineSpec: { machineType: "n1", acceleratorCount: 1 }, replicaCount: 2 };
    const snake = { machine_spec: { machine_type: "n1", accelerator_count: 1 }, replica_count: 2 };
    expect(readMessage(WORKER_POOL, snake).message).toEqual(wanted);
    expect(readMessage(WORKER_POOL, wanted).message).toEqual(wanted);
  });

  it("counts snake_case where both spellings are given", () => {
    const theirs = { containerSpec: { imageUri: "theirs" } };
    const ours = { container_spec: { image_uri: "ours" } };
    for (const both of [
      { ...theirs, ...ours },
      { ...ours, ...theirs },
    ]) {
      const { message, issues, unknown } = readMessage(WORKER_POOL, both);
      expect(message).toEqual({ containerSpec: { imageUri: "ours" } });
      expect([issues, unknown]).toEqual([[], []]);
    }
  });

  it("counts camelCase where snake_case is null", () => {
    const both = { container_spec: null, containerSpec: { imageUri: "theirs" } };
    expect(readMessage(WORKER_POOL, both).message).toEqual({
      containerSpec: { imageUri: "theirs" },
    });
  });

  it("leaves null out, wherever it stands", () => {
    expect(readMessage(WORKER_POOL, { machine_spec: { machine_type: null } }).message).toEqual({
      machineSpec: {},
    });
  });

  it.each([
    ["3600s", { seconds: 3600, nanos: 0 }],
    ["1.5s", { seconds: 1, nanos: 500_000_000 }],
    ["0s", { seconds: 0, nanos: 0 }],
    [{ seconds: 60 }, { seconds: 60, nanos: 0 }],
    [
      { seconds: "60", nanos: 1 },
      { seconds: 60, nanos: 1 },
    ],
  ])("reads the duration %j", (timeout, wanted) => {
    expect(readMessage(SCHEDULING, { timeout }).message).toEqual({ timeout: wanted });
  });

  it.each([-1, "-1", 1.5, "1.0", true])("refuses %j as a count", (count) => {
    const pool = {
      replica_count: count,
      machine_spec: { accelerator_count: count },
      disk_spec: { boot_disk_size_gb: count },
    };
    expect(readMessage(WORKER_POOL, pool).issues.map(({ path }) => path)).toEqual([
      "replica_count",
      "machine_spec.accelerator_count",
      "disk_spec.boot_disk_size_gb",
    ]);
  });

  it.each(["3600", "soon", "-1s", 60, true, { minutes: 1 }, { seconds: -1 }, []])(
    "refuses %j as a duration",
    (timeout) => {
      const { issues } = readMessage(SCHEDULING, { timeout }, "run_config.scheduling");
      expect(issues.map(({ path }) => path)).toEqual(["run_config.scheduling.timeout"]);
    },
  );

  it("refuses an accelerator nobody knows, which Google's client would drop without a word", () => {
    const { issues } = readMessage(
      WORKER_POOL,
      { machine_spec: { accelerator_type: "NVIDIA_TESLA_K8O" } },
      "run_config.worker_pool_specs.0",
    );
    expect(issues).toHaveLength(1);
    expect(issues[0]?.path).toBe("run_config.worker_pool_specs.0.machine_spec.accelerator_type");
    expect(issues[0]?.message).toMatch(/NVIDIA_TESLA_K80.*got the text "NVIDIA_TESLA_K8O"/);
  });

  it("names every fault and every unknown key with its path", () => {
    const { message, issues, unknown } = readMessage(WORKER_POOL, {
      machine_spec: "n1",
      replica_count: 1.5,
      nfs_mounts: [{ server: {} }, null],
      disk_spec: { boot_disk_size_gb: "many", boot_disk: "x" },
      container: {},
    });
    expect(issues.map(({ path }) => path)).toEqual([
      "machine_spec",
      "replica_count",
      "nfs_mounts.0.server",
      "nfs_mounts.1",
      "disk_spec.boot_disk_size_gb",
    ]);
    expect(unknown).toEqual(["disk_spec.boot_disk", "container"]);
    expect(message).toEqual({ nfsMounts: [{}], diskSpec: {} });
  });

  it("turns numbers and booleans to text where text is wanted", () => {
    const env = [
      { name: "A", value: 1 },
      { name: "B", value: false },
    ];
    expect(readMessage(WORKER_POOL, { container_spec: { env } }).message).toEqual({
      containerSpec: {
        env: [
          { name: "A", value: "1" },
          { name: "B", value: "false" },
        ],
      },
    });
  });

  it("takes any JSON without failing", () => {
    fc.assert(
      fc.property(fc.object({ key: keys(), maxDepth: 5 }), (value) => {
        readMessage(CUSTOM_JOB, JSON.parse(JSON.stringify(value)) as JsonObject);
      }),
    );
  });
});

function keys(): fc.Arbitrary<string> {
  return fc.oneof(
    fc.constantFrom("job_spec", "jobSpec", "labels", "scheduling", "timeout", "worker_pool_specs"),
    fc.constantFrom("machine_spec", "container_spec", "env", "__proto__", "constructor", "value"),
    fc.string(),
  );
}
