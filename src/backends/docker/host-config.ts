import type { Issue } from "../../errors.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../json.ts";
import { pythonText } from "../../text/python.ts";
import {
  binds,
  deviceRequests,
  devices,
  logConfig,
  portBindings,
  tmpfs,
  ulimits,
} from "./host-structures.ts";
import {
  bytes,
  expected,
  flag,
  isTexts,
  objects,
  type Translate,
  text,
  textMap,
  texts,
  whole,
} from "./host-values.ts";

/** A host config in the engine's words, or all its faults. */
export type HostConfig =
  | { readonly ok: true; readonly value: JsonObject }
  | { readonly ok: false; readonly issues: readonly Issue[] };

/**
 * Translates options of docker-py's `create_host_config`, as Prefect 1 writes them, to the HostConfig
 * of the Engine API. Null counts as not given. `auto_remove` is not for the engine, which would take
 * the exit code away together with the container, and a restart policy is refused: a run starts once.
 */
export function hostConfigOf(options: JsonObject, at: string): HostConfig {
  const issues: Issue[] = [];
  let value: JsonObject = {};
  for (const [name, option] of Object.entries(options)) {
    const translate = Object.hasOwn(OPTIONS, name) ? OPTIONS[name] : undefined;
    const path = `${at}.${name}`;
    if (translate === undefined) {
      issues.push({ path, message: `docker knows no option ${name} of a host config` });
    } else if (option !== null && option !== undefined) {
      const fields = translate(option);
      if (typeof fields === "string") issues.push({ path, message: fields });
      else value = { ...value, ...fields };
    }
  }
  if (value["NetworkMode"] === "host" && value["PortBindings"] !== undefined) {
    const message = "expected no port_bindings, because network_mode is host";
    issues.push({ path: `${at}.port_bindings`, message });
  }
  if (issues.length > 0) return { ok: false, issues };
  return { ok: true, value: { NetworkMode: "default", ...value } };
}

const OPTIONS: Readonly<Record<string, Translate>> = {
  auto_remove: (value) => (typeof value === "boolean" ? {} : expected("true or false", value)),
  binds,
  blkio_weight: whole("BlkioWeight"),
  blkio_weight_device: objects("BlkioWeightDevice"),
  cap_add: texts("CapAdd"),
  cap_drop: texts("CapDrop"),
  cgroup_parent: text("CgroupParent"),
  cgroupns: text("CgroupnsMode"),
  cpu_count: whole("CpuCount"),
  cpu_percent: whole("CpuPercent"),
  cpu_period: whole("CpuPeriod"),
  cpu_quota: whole("CpuQuota"),
  cpu_rt_period: whole("CpuRealtimePeriod"),
  cpu_rt_runtime: whole("CpuRealtimeRuntime"),
  cpu_shares: whole("CpuShares"),
  cpuset_cpus: text("CpusetCpus"),
  cpuset_mems: text("CpusetMems"),
  device_cgroup_rules: texts("DeviceCgroupRules", "kept"),
  device_read_bps: objects("BlkioDeviceReadBps"),
  device_read_iops: objects("BlkioDeviceReadIOps"),
  device_requests: deviceRequests,
  device_write_bps: objects("BlkioDeviceWriteBps"),
  device_write_iops: objects("BlkioDeviceWriteIOps"),
  devices,
  dns: texts("Dns", "kept"),
  dns_opt: texts("DnsOptions", "kept"),
  dns_search: texts("DnsSearch"),
  extra_hosts: extraHosts,
  group_add: groupAdd,
  init: flag("Init", "kept"),
  ipc_mode: text("IpcMode"),
  isolation: text("Isolation"),
  kernel_memory: bytes("KernelMemory"),
  links,
  log_config: logConfig,
  mem_limit: bytes("Memory", "kept"),
  mem_reservation: bytes("MemoryReservation"),
  mem_swappiness: whole("MemorySwappiness", "kept"),
  memswap_limit: bytes("MemorySwap", "kept"),
  mounts: objects("Mounts"),
  nano_cpus: whole("NanoCpus"),
  network_mode: text("NetworkMode"),
  oom_kill_disable: flag("OomKillDisable"),
  oom_score_adj: whole("OomScoreAdj"),
  pid_mode: text("PidMode"),
  pids_limit: whole("PidsLimit"),
  port_bindings: portBindings,
  privileged: flag("Privileged"),
  publish_all_ports: flag("PublishAllPorts"),
  read_only: flag("ReadonlyRootfs", "kept"),
  restart_policy: restartPolicy,
  runtime: text("Runtime"),
  security_opt: texts("SecurityOpt", "kept"),
  shm_size: bytes("ShmSize", "kept"),
  storage_opt: textMap("StorageOpt"),
  sysctls: textMap("Sysctls"),
  tmpfs,
  ulimits,
  userns_mode: hostOnly("UsernsMode"),
  uts_mode: hostOnly("UTSMode"),
  volume_driver: text("VolumeDriver"),
  volumes_from: volumesFrom,
};

function hostOnly(field: string): Translate {
  return (value) => {
    if (value === "") return {};
    return value === "host" ? { [field]: value } : expected("host", value);
  };
}

function restartPolicy(value: JsonValue): JsonObject | string {
  const name = isJsonObject(value) ? (value["Name"] ?? "") : value;
  if (name === "" || name === "no") return {};
  return expected("no restart policy, because a run is started once", value);
}

function groupAdd(value: JsonValue): JsonObject | string {
  if (!Array.isArray(value)) return expected("a list of groups", value);
  return value.length === 0 ? {} : { GroupAdd: value.map(pythonText) };
}

function extraHosts(value: JsonValue): JsonObject | string {
  if (isTexts(value)) return { ExtraHosts: value };
  if (!isJsonObject(value)) return expected("addresses by host name", value);
  return { ExtraHosts: pairs(value) };
}

function links(value: JsonValue): JsonObject | string {
  if (isTexts(value)) return { Links: value };
  return isJsonObject(value) ? { Links: pairs(value) } : expected("aliases by container", value);
}

/** `key:value`, sorted by key, as docker-py writes mappings. */
function pairs(value: JsonObject): string[] {
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => `${key}:${pythonText(member ?? null)}`);
}

function volumesFrom(value: JsonValue): JsonObject | string {
  if (typeof value === "string") return { VolumesFrom: value.split(",") };
  return isTexts(value) ? { VolumesFrom: value } : expected("a list of containers", value);
}
