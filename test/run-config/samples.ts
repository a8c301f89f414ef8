import * as fc from "fast-check";
import type { JsonObject } from "../../src/json.ts";

const text = fc.option(fc.string(), { nil: null });
const mapping = fc.option(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 })), { nil: null });
const textMap = fc.option(fc.dictionary(fc.string(), fc.string()), { nil: null });
const policy = fc.constantFrom("Always", "IfNotPresent", "Never", null);

const variables = fc.dictionary(
  fc.stringMatching(/^[A-Z][A-Z_]{0,9}$/),
  fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null)),
);

const common = { env: fc.option(variables, { nil: null }), labels: fc.array(fc.string()) };

function runConfig(type: string, fields: Record<string, fc.Arbitrary<unknown>>) {
  return fc
    .record({ ...common, ...fields }, { requiredKeys: [] })
    .map((wire) => ({ ...wire, type }));
}

function flowRunner(type: string, fields: Record<string, fc.Arbitrary<unknown>>) {
  return fc
    .record({ env: variables, ...fields }, { requiredKeys: [] })
    .map((config) => ({ type, config }));
}

/** Run configs and flow runners without faults, by type. */
export const VALID: Readonly<Record<string, fc.Arbitrary<JsonObject>>> = {
  UniversalRun: runConfig("UniversalRun", {}),
  LocalRun: runConfig("LocalRun", { working_dir: text }),
  DockerRun: runConfig("DockerRun", {
    image: text,
    ports: fc.option(fc.array(fc.oneof(fc.integer(), fc.integer().map(String))), { nil: null }),
    host_config: mapping,
  }),
  KubernetesRun: runConfig("KubernetesRun", {
    job_template: fc.oneof(mapping, fc.string()),
    image: text,
    cpu_limit: text,
    cpu_request: text,
    memory_limit: text,
    memory_request: text,
    service_account_name: text,
    image_pull_secrets: fc.option(fc.array(fc.string()), { nil: null }),
    image_pull_policy: policy,
  }),
  ECSRun: runConfig("ECSRun", {
    task_definition: fc.jsonValue({ maxDepth: 3 }),
    image: text,
    cpu: text,
    memory: text,
    task_role_arn: text,
    execution_role_arn: text,
    run_task_kwargs: mapping,
  }),
  VertexRun: runConfig("VertexRun", {
    image: text,
    machine_type: text,
    scheduling: mapping,
    service_account: text,
    network: text,
    worker_pool_specs: fc.option(fc.array(mapping), { nil: null }),
  }),
  universal: flowRunner("universal", {}),
  subprocess: flowRunner("subprocess", { stream_output: fc.boolean(), virtualenv: text }),
  docker: flowRunner("docker", {
    image: text,
    image_pull_policy: fc.constantFrom("ALWAYS", "IF_NOT_PRESENT", "NEVER", null),
    networks: fc.array(fc.string()),
    labels: textMap,
    auto_remove: fc.boolean(),
    volumes: fc.array(fc.string().map((path) => `${path}:/in`)),
    stream_output: fc.boolean(),
  }),
  kubernetes: flowRunner("kubernetes", {
    image: text,
    namespace: text,
    service_account_name: text,
    labels: textMap,
    image_pull_policy: policy,
    restart_policy: fc.constantFrom("Never", "OnFailure"),
    node_selector: textMap,
    stream_output: fc.boolean(),
  }),
};
