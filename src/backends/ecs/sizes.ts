import { show } from "../../check.ts";
import type { Issue } from "../../errors.ts";
import type { Examined } from "./schema.ts";

/** Sizes of a task, wherever they are written. */
interface Sizes {
  readonly cpu?: string | number | null | undefined;
  readonly memory?: string | number | null | undefined;
}

/**
 * Writes cpu and memory in CPU units and MiB, and says of every one that ECS would not understand. An empty
 * text and null are no size.
 */
export function sized<T extends object>(value: T, at: string): Examined<T> {
  const { cpu, memory, ...rest } = value as Sizes;
  const units = cpu === undefined || cpu === null || cpu === "" ? undefined : cpu;
  const mib = memory === undefined || memory === null || memory === "" ? undefined : memory;
  const issues: Issue[] = [];
  if (units !== undefined && cpuUnits(units) === undefined) {
    const message = `expected CPU units such as 1024, or "1 vcpu", got ${show(units)}`;
    issues.push({ path: `${at}.cpu`, message });
  }
  if (mib !== undefined && memoryMib(mib) === undefined) {
    const message = `expected MiB such as 2048, or "2 GB", got ${show(mib)}`;
    issues.push({ path: `${at}.memory`, message });
  }
  const sizes = {
    ...(units === undefined ? {} : { cpu: cpuUnits(units) }),
    ...(mib === undefined ? {} : { memory: memoryMib(mib) }),
  };
  return { value: { ...rest, ...sizes } as T, issues };
}

/**
 * CPU units as ECS takes them, from `1024`, `"1 vcpu"` or `".5 vCPU"`; undefined if it is none of
 * these. A number without a unit is units already.
 */
export function cpuUnits(value: string | number): string | undefined {
  const { amount, unit } = parse(value) ?? {};
  if (amount === undefined) return undefined;
  if (unit === "") return unitless(value);
  return unit === "vcpu" ? whole(amount * 1024) : undefined;
}

/** MiB as ECS takes them, from `2048`, `"2 GB"` or `"512 MB"`; undefined if it is none of these. */
export function memoryMib(value: string | number): string | undefined {
  const { amount, unit = "" } = parse(value) ?? {};
  if (amount === undefined) return undefined;
  switch (unit) {
    case "":
      return unitless(value);
    case "gb":
    case "gib":
      return whole(amount * 1024);
    case "mb":
    case "mib":
      return whole(amount);
    default:
      return undefined;
  }
}

function parse(value: string | number): { amount: number; unit: string } | undefined {
  const match = /^(\d+\.?\d*|\.\d+)\s*([a-z]*)$/i.exec(String(value).trim());
  if (match === null) return undefined;
  return { amount: Number(match[1]), unit: (match[2] ?? "").toLowerCase() };
}

function unitless(value: string | number): string | undefined {
  return whole(Number(value));
}

function whole(amount: number): string | undefined {
  return Number.isSafeInteger(amount) ? String(amount) : undefined;
}
