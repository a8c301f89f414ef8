import type { RunTaskArguments, Template } from "./schema.ts";

/** The members RegisterTaskDefinition has; whatever else a template holds, AWS does not take. */
const DEFINITION_KEYS = new Set([
  "family",
  "taskRoleArn",
  "executionRoleArn",
  "networkMode",
  "containerDefinitions",
  "volumes",
  "placementConstraints",
  "requiresCompatibilities",
  "cpu",
  "memory",
  "tags",
  "pidMode",
  "ipcMode",
  "proxyConfiguration",
  "inferenceAccelerators",
  "ephemeralStorage",
  "runtimePlatform",
  "enableFaultInjection",
]);

/** The members RunTask has. */
const RUN_TASK_KEYS = new Set([
  "capacityProviderStrategy",
  "clientToken",
  "cluster",
  "count",
  "enableECSManagedTags",
  "enableExecuteCommand",
  "group",
  "launchType",
  "networkConfiguration",
  "overrides",
  "placementConstraints",
  "placementStrategy",
  "platformVersion",
  "propagateTags",
  "referenceId",
  "startedBy",
  "tags",
  "taskDefinition",
  "volumeConfigurations",
]);

/** A value without the members AWS does not know, and their names. Nulls go without a word. */
export interface Known<T> {
  readonly value: T;
  readonly unknown: readonly string[];
}

export function knownDefinition(value: Template): Known<Template> {
  return known(value, DEFINITION_KEYS);
}

export function knownRunTask(value: RunTaskArguments): Known<RunTaskArguments> {
  return known(value, RUN_TASK_KEYS);
}

function known<T extends object>(value: T, keys: ReadonlySet<string>): Known<Partial<T>> {
  const members = Object.entries(value).filter(([, member]) => member !== null);
  return {
    value: Object.fromEntries(members.filter(([key]) => keys.has(key))) as Partial<T>,
    unknown: members.map(([key]) => key).filter((key) => !keys.has(key)),
  };
}
