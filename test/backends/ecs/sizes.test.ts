import { describe, expect, it } from "vitest";
import { fargateFault } from "../../../src/backends/ecs/fargate.ts";
import { cpuUnits, memoryMib, sized } from "../../../src/backends/ecs/sizes.ts";

describe("sizes on ecs", () => {
  it.each([
    ["1024", "1024"],
    [1024, "1024"],
    [" 512 ", "512"],
    ["1 vcpu", "1024"],
    ["2 vCPU", "2048"],
    ["0.25vcpu", "256"],
    [".5 vCPU", "512"],
    ["0.3 vcpu", undefined],
    ["1.5", undefined],
    ["2 GB", undefined],
    ["lots", undefined],
    ["-1", undefined],
    ["1e3", undefined],
  ])("read cpu %j as %j units", (value, units) => {
    expect(cpuUnits(value)).toBe(units);
  });

  it.each([
    ["2048", "2048"],
    [512, "512"],
    ["2 GB", "2048"],
    ["0.5GB", "512"],
    ["4 gib", "4096"],
    ["512 MB", "512"],
    ["512MiB", "512"],
    ["1 vcpu", undefined],
    ["1 TB", undefined],
    ["", undefined],
  ])("read memory %j as %j MiB", (value, mib) => {
    expect(memoryMib(value)).toBe(mib);
  });

  it.each([
    ["256", "512"],
    ["256", "2048"],
    ["512", "4096"],
    ["1024", "2048"],
    ["2048", "16384"],
    ["4096", "30720"],
    ["8192", "61440"],
    ["16384", "122880"],
  ])("fit Fargate with cpu %s and memory %s", (cpu, memory) => {
    expect(fargateFault(cpu, memory)).toBeUndefined();
  });

  it.each([
    ["256", "4096", "512, 1024, 2048 MiB, got 4096"],
    ["512", "512", "1024 to 4096 MiB in steps of 1024, got 512"],
    ["1024", "2500", "2048 to 8192 MiB in steps of 1024, got 2500"],
    ["8192", "17408", "16384 to 61440 MiB in steps of 4096, got 17408"],
    ["1000", "2048", "Fargate has no task with cpu 1000"],
  ])("do not fit Fargate with cpu %s and memory %s", (cpu, memory, message) => {
    expect(fargateFault(cpu, memory)).toContain(message);
  });

  it("are left out where they are empty, and every fault has its path", () => {
    expect(sized({ cpu: "", memory: null, other: 1 }, "at")).toEqual({
      value: { other: 1 },
      issues: [],
    });
    const { issues } = sized({ cpu: "many", memory: "much" }, "run_config");
    expect(issues).toEqual([
      {
        path: "run_config.cpu",
        message: 'expected CPU units such as 1024, or "1 vcpu", got the text "many"',
      },
      {
        path: "run_config.memory",
        message: 'expected MiB such as 2048, or "2 GB", got the text "much"',
      },
    ]);
  });
});
