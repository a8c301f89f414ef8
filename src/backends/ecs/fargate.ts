import type { Issue } from "../../errors.ts";
import type { EcsRunOptions } from "./options.ts";
import type { Overrides, Template } from "./schema.ts";

/** What AWS would not register for Fargate, with paths below `at`. */
export function definitionIssues(definition: Template, at: string): readonly Issue[] {
  if (!definition.requiresCompatibilities?.includes("FARGATE")) return [];
  const { cpu, memory, ephemeralStorage } = definition;
  const size = cpu && memory ? fargateFault(String(cpu), String(memory)) : undefined;
  const windows = windowsFault(definition, cpu);
  const disk = diskFault(ephemeralStorage?.sizeInGiB);
  return [
    ...(size === undefined ? [] : [{ path: `${at}.memory`, message: size }]),
    ...(windows === undefined ? [] : [{ path: `${at}.cpu`, message: windows }]),
    ...(disk === undefined ? [] : [{ path: `${at}.ephemeralStorage.sizeInGiB`, message: disk }]),
  ];
}

/** What a run asks of Fargate, with all that went before it. */
export interface FargateTask {
  readonly overrides: Overrides;
  readonly definition: Template;
  readonly run: EcsRunOptions;
  /** Whether Sluice makes the definition. What AWS knows of another one is left to AWS. */
  readonly made: boolean;
  /** Path of the overrides that were given, before Sluice's own. */
  readonly overridesAt: string;
}

/** What Fargate would not run, whatever it could register. */
export function taskIssues(task: FargateTask): readonly Issue[] {
  const { overrides, definition, run, overridesAt, made } = task;
  const cpu = overrides.cpu ?? definition.cpu;
  const memory = overrides.memory ?? definition.memory;
  const missing = made ? missingSize(cpu, memory) : undefined;
  const size = cpu && memory ? fargateFault(String(cpu), String(memory)) : missing;
  const windows = windowsFault(definition, cpu);
  const disk = diskFault(overrides.ephemeralStorage?.sizeInGiB);
  return [
    ...(size === undefined ? [] : [{ path: sizePath(run), message: size }]),
    ...(windows === undefined
      ? []
      : [{ path: run.cpu ? "run_config.cpu" : "run_config", message: windows }]),
    ...(disk === undefined
      ? []
      : [{ path: `${overridesAt}.ephemeralStorage.sizeInGiB`, message: disk }]),
  ];
}

type Size = Template["cpu"];

function missingSize(cpu: Size, memory: Size): string {
  const missing = [...(cpu ? [] : ["cpu"]), ...(memory ? [] : ["memory"])].join(" and ");
  return `Fargate needs the size of a task, and neither the run nor its task definition says its ${missing}`;
}

function sizePath({ cpu, memory }: EcsRunOptions): string {
  if (memory) return "run_config.memory";
  return cpu ? "run_config.cpu" : "run_config";
}

function windowsFault({ runtimePlatform }: Template, cpu: Size): string | undefined {
  const family = runtimePlatform?.operatingSystemFamily ?? "";
  if (!family.startsWith("WINDOWS") || !cpu || Number(cpu) >= 1024) return undefined;
  return `Fargate runs ${family} with a cpu of 1024 or more, got ${cpu}`;
}

function diskFault(size: number | null | undefined): string | undefined {
  if (size === undefined || size === null || (size >= 21 && size <= 200)) return undefined;
  return `Fargate gives a task a disk of 21 to 200 GiB, got ${size}`;
}

/** CPU units to the MiB Fargate takes with them: the least, the most, and the step between. */
const FARGATE: Readonly<Record<string, readonly [least: number, most: number, step: number]>> = {
  "512": [1024, 4096, 1024],
  "1024": [2048, 8192, 1024],
  "2048": [4096, 16384, 1024],
  "4096": [8192, 30720, 1024],
  "8192": [16384, 61440, 4096],
  "16384": [32768, 122880, 8192],
};

/** What Fargate takes with a quarter of a CPU does not go in even steps. */
const SMALLEST = ["512", "1024", "2048"];

/** Why Fargate takes no task of this size, for people; undefined if it does. */
export function fargateFault(cpu: string, memory: string): string | undefined {
  const range = FARGATE[cpu];
  if (range === undefined && cpu !== "256") {
    return `Fargate has no task with cpu ${cpu}: it takes 256, ${Object.keys(FARGATE).join(", ")}`;
  }
  if (range === undefined) {
    if (SMALLEST.includes(memory)) return undefined;
    return `Fargate takes with cpu 256 a memory of ${SMALLEST.join(", ")} MiB, got ${memory}`;
  }
  const [least, most, step] = range;
  const mib = Number(memory);
  if (mib >= least && mib <= most && mib % step === 0) return undefined;
  return `Fargate takes with cpu ${cpu} a memory of ${least} to ${most} MiB in steps of ${step}, got ${memory}`;
}
