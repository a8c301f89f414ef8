import type { Issue } from "../../errors.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../json.ts";

/** Namespaces a container may share with its machine or with another container. */
const NAMESPACES = ["network_mode", "pid_mode", "ipc_mode", "uts_mode", "userns_mode", "cgroupns"];

/**
 * Options that reach outside the container: files, devices and privileges of the machine, what belongs
 * to other containers, or what keeps the machine from defending itself. Many are as good as being root
 * on the machine.
 */
const OPENINGS = [
  "privileged",
  "binds",
  "mounts",
  "volumes_from",
  "volume_driver",
  "devices",
  "device_requests",
  "device_cgroup_rules",
  "cap_add",
  "security_opt",
  "runtime",
  "cgroup_parent",
  "sysctls",
  "oom_kill_disable",
  "links",
];

/** What a host config in a message sets although the agent does not allow it. */
export function forbiddenOptions(
  hostConfig: JsonObject,
  allow: readonly string[],
  at: string,
): readonly Issue[] {
  const opened = OPENINGS.filter((name) => isSet(hostConfig[name]));
  const shared = NAMESPACES.filter((name) => isShared(hostConfig[name]));
  // Below zero, the kernel ends processes of the machine before those of the container.
  const spared = Number(hostConfig["oom_score_adj"] ?? 0) < 0 ? ["oom_score_adj"] : [];
  return [...opened, ...shared, ...spared]
    .filter((name) => !isAllowed(name, allow))
    .map((name) => notAllowed(`${at}.${name}`, name));
}

/** What a flow runner sets although the agent does not allow it. */
export function forbiddenInRunner(
  runner: {
    readonly volumes: readonly string[];
    readonly networks: readonly string[];
    readonly networkMode: string | undefined;
  },
  allow: readonly string[],
  at: string,
): readonly Issue[] {
  const issues: Issue[] = [];
  if (runner.volumes.length > 0 && !isAllowed("volumes", allow)) {
    issues.push(notAllowed(`${at}.volumes`, "volumes"));
  }
  if (isAllowed("network_mode", allow)) return issues;
  if (isShared(runner.networkMode)) issues.push(notAllowed(`${at}.network_mode`, "network_mode"));
  // The network called host is the machine's own, by whichever key it comes.
  if (runner.networks.some(isShared)) issues.push(notAllowed(`${at}.networks`, "network_mode"));
  return issues;
}

/** Whether an agent lets a message set a key. */
export function isAllowed(name: string, allow: readonly string[]): boolean {
  return allow.includes("*") || allow.includes(name);
}

function isSet(value: JsonValue | undefined): boolean {
  if (value === undefined || value === null || value === false || value === "") return false;
  if (Array.isArray(value)) return value.length > 0;
  return isJsonObject(value) ? Object.keys(value).length > 0 : true;
}

function isShared(value: JsonValue | undefined): boolean {
  return typeof value === "string" && (value === "host" || value.startsWith("container:"));
}

function notAllowed(path: string, name: string): Issue {
  return {
    path,
    message: `reaches outside the container, and the agent does not allow it: its owner may add ${name} to \`allow\``,
  };
}
