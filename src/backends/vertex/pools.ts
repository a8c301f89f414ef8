import { show } from "../../check.ts";
import type { Issue } from "../../errors.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../json.ts";
import { camelCase } from "./message.ts";
import { isNone } from "./none.ts";
import type { VertexRunOptions } from "./options.ts";

const FIRST = "run_config.worker_pool_specs.0";

/** The worker pools of a run as Prefect 1 has them: its own, else one machine of its type. */
export function workerPools({
  worker_pool_specs: pools,
  machine_type,
}: VertexRunOptions): readonly JsonObject[] {
  return pools ?? [{ machine_spec: { machine_type }, replica_count: 1 }];
}

/**
 * What keeps the first pool from running the flow, and once: Vertex AI wants a type of machine, one
 * machine, and no package beside the container. Pure; what no pool can hold is left to `readMessage`.
 */
export function firstPoolIssues(run: VertexRunOptions): Issue[] {
  const [first = {}] = workerPools(run);
  const packed = given(first, "python_package_spec");
  const count = given(first, "replica_count");
  return [
    ...machineIssues(run, first),
    ...(packed === undefined
      ? []
      : [
          {
            path: `${FIRST}.${packed.key}`,
            message: "expected no package in the first pool: it runs the flow in a container",
          },
        ]),
    ...(count === undefined || !isOtherThanOne(count.value)
      ? []
      : [
          {
            path: `${FIRST}.${count.key}`,
            message: `expected 1 or nothing in the first pool, which runs the flow, got ${show(count.value)}`,
          },
        ]),
  ];
}

/** Where a run gives the first pool a container of its own, which counts for nothing. */
export function containerPath({ worker_pool_specs: pools }: VertexRunOptions): string | undefined {
  const container = given(pools?.[0] ?? {}, "container_spec");
  return container && `${FIRST}.${container.key}`;
}

function machineIssues(run: VertexRunOptions, first: JsonObject): Issue[] {
  const machine = given(first, "machine_spec");
  const spec = machine?.value ?? {};
  if (!isJsonObject(spec)) return [];
  const type = given(spec, "machine_type");
  if (type !== undefined && type.value !== "") return [];
  const ofPool = `${FIRST}.${machine?.key ?? "machine_spec"}.${type?.key ?? "machine_type"}`;
  const message = `expected a type of machine such as n1-standard-4, got ${show(type?.value)}`;
  return [{ path: isNone(run.worker_pool_specs) ? "run_config.machine_type" : ofPool, message }];
}

/** A whole number as text or not; whatever is none is no count at all. */
function isOtherThanOne(count: JsonValue): boolean {
  return /^\d+$/.test(String(count)) && Number(count) !== 1;
}

/** A member of a message, and how its key is written: in snake_case or, where that is absent, in camelCase. */
function given(
  message: JsonObject,
  name: string,
): { readonly key: string; readonly value: JsonValue } | undefined {
  const key = [name, camelCase(name)].find((spelling) => !isNone(message[spelling]));
  const value = key === undefined ? undefined : message[key];
  return key === undefined || value === undefined ? undefined : { key, value };
}
