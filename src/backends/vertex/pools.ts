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
 * What keeps the first pool from running the flow: that nothing is said of it, that it has no machine, or a
 * package, which cannot stand beside the container. Pure; what no pool can hold is left to `readMessage`.
 */
export function firstPoolIssues(run: VertexRunOptions): Issue[] {
  const [first = {}] = workerPools(run);
  if (Object.values(first).every(isNone)) {
    return [
      { path: FIRST, message: "expected a machine_spec in the first pool, got an empty pool" },
    ];
  }
  const packed = given(first, "python_package_spec");
  const count = given(first, "replica_count");
  return [
    ...(packed === undefined
      ? []
      : [
          {
            path: `${FIRST}.${packed.key}`,
            message: "expected no package in the first pool: it runs the flow in a container",
          },
        ]),
    ...(count === undefined || !/^0+$/.test(String(count.value))
      ? []
      : [
          {
            path: `${FIRST}.${count.key}`,
            message: `expected 1 or nothing, got ${show(count.value)}`,
          },
        ]),
  ];
}

/**
 * What Google's documentation of custom jobs does not provide for in a first pool, though Prefect sends it:
 * that pool is the primary replica, of which there is one, and names its machine. Pure.
 */
export function firstPoolWarnings(run: VertexRunOptions): string[] {
  const [first = {}] = workerPools(run);
  const machine = given(first, "machine_spec")?.value ?? {};
  const type = isJsonObject(machine) ? given(machine, "machine_type")?.value : "";
  const count = given(first, "replica_count")?.value ?? 1;
  return [
    ...(type === undefined || type === ""
      ? ["the first pool, which runs the flow, names no machine_type: Vertex AI wants one"]
      : []),
    ...(Number(count) > 1
      ? [
          `the first pool, which runs the flow, has a replica_count of ${String(count)}: Vertex AI wants 1, and further machines in pools of their own`,
        ]
      : []),
  ];
}

/** Where a run gives the first pool a container of its own, which counts for nothing. */
export function containerPath({ worker_pool_specs: pools }: VertexRunOptions): string | undefined {
  const container = given(pools?.[0] ?? {}, "container_spec");
  return container && `${FIRST}.${container.key}`;
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
