import { isJsonObject, type JsonObject, type JsonValue } from "../../json.ts";
import { pythonText } from "../../text/python.ts";
import { either, expected, isTexts } from "./host-values.ts";

const PROPAGATION = ["rshared", "shared", "rslave", "slave", "rprivate", "private"];

/** Binds: a list as the engine takes it, or by path outside what they are inside. */
export function binds(value: JsonValue): JsonObject | string {
  if (isTexts(value)) return { Binds: value };
  if (!isJsonObject(value)) return expected("binds by path, or a list of texts", value);
  const list: string[] = [];
  for (const [outside, inside] of Object.entries(value)) {
    const bind = bindOf(inside ?? null);
    if (bind === undefined) {
      return expected(`a path, or bind with either mode or ro, for ${outside}`, inside ?? null);
    }
    list.push(`${outside}:${bind}`);
  }
  return { Binds: list };
}

function bindOf(value: JsonValue): string | undefined {
  if (typeof value === "string") return `${value}:rw`;
  if (!isJsonObject(value)) return undefined;
  const { bind, mode, ro, propagation } = value;
  if (typeof bind !== "string" || (ro !== undefined && mode !== undefined)) return undefined;
  const access = ro === undefined ? (mode ?? "rw") : ro === true ? "ro" : "rw";
  if (typeof access !== "string") return undefined;
  const how = PROPAGATION.includes(String(propagation)) ? [String(propagation)] : [];
  return `${bind}:${[access, ...how].filter((part) => part !== "").join(",")}`;
}

/** Ports of the host by port of the container; a port of the container without protocol is TCP. */
export function portBindings(value: JsonValue): JsonObject | string {
  if (!isJsonObject(value)) return expected("ports of the host by port of the container", value);
  const bindings: Record<string, JsonValue> = {};
  for (const [port, outside] of Object.entries(value)) {
    const list = (Array.isArray(outside) ? outside : [outside ?? null]).map(hostPort);
    const whole = list.filter((binding) => binding !== undefined);
    if (whole.length < list.length) {
      return expected(`a port, or HostPort and HostIp, for ${port}`, outside ?? null);
    }
    bindings[port.includes("/") ? port : `${port}/tcp`] = whole;
  }
  return { PortBindings: bindings };
}

function hostPort(value: JsonValue): JsonObject | undefined {
  if (Array.isArray(value) || typeof value === "boolean") return undefined;
  if (!isJsonObject(value)) return { HostIp: "", HostPort: value === null ? "" : String(value) };
  const { HostPort: port, HostIp: ip } = value;
  if (port === undefined) return undefined;
  return { HostIp: String(ip ?? ""), HostPort: port === null ? "" : pythonText(port) };
}

/** Devices: `/dev/outside:/dev/inside:rwm`, or in the engine's own words. */
export function devices(value: JsonValue): JsonObject | string {
  if (!Array.isArray(value)) return expected("a list of devices", value);
  const list: JsonObject[] = [];
  for (const device of value) {
    if (isJsonObject(device)) list.push(device);
    else if (typeof device === "string") list.push(deviceOf(device));
    else return expected("a list of devices such as /dev/fuse:/dev/fuse:rwm", device);
  }
  return list.length === 0 ? {} : { Devices: list };
}

function deviceOf(device: string): JsonObject {
  const [outside = "", inside = outside, permissions = "rwm"] = device.split(":");
  return { PathOnHost: outside, PathInContainer: inside, CgroupPermissions: permissions };
}

/** Limits by name, each with `soft` and `hard`. */
export function ulimits(value: JsonValue): JsonObject | string {
  if (!Array.isArray(value)) return expected("a list of limits", value);
  const list: JsonObject[] = [];
  for (const limit of value) {
    const name = isJsonObject(limit) ? either(limit, "name", "Name") : undefined;
    if (!isJsonObject(limit) || typeof name !== "string") {
      return expected("limits with name, soft and hard", limit);
    }
    list.push({
      Name: name,
      Soft: either(limit, "soft", "Soft"),
      Hard: either(limit, "hard", "Hard"),
    });
  }
  return { Ulimits: list };
}

/** Where the engine puts the output: `type` and `config`. Only some drivers let logs be read again. */
export function logConfig(value: JsonValue): JsonObject | string {
  if (!isJsonObject(value)) return expected("type and config of a log driver", value);
  const config = either(value, "config", "Config") ?? {};
  if (!isJsonObject(config)) return expected("an object as config", config);
  return { LogConfig: { Type: either(value, "type", "Type") ?? null, Config: config } };
}

/** File systems in memory: options by path, or a list of `path:options`. */
export function tmpfs(value: JsonValue): JsonObject | string {
  if (isTexts(value)) {
    const entries = value.map((mount) => {
      const colon = mount.indexOf(":");
      return colon < 0 ? [mount, ""] : [mount.slice(0, colon), mount.slice(colon + 1)];
    });
    return entries.length === 0 ? {} : { Tmpfs: Object.fromEntries(entries) };
  }
  if (!isJsonObject(value)) return expected("options by path, or a list of texts", value);
  return Object.keys(value).length === 0 ? {} : { Tmpfs: value };
}

/** Devices such as GPUs, asked for by driver, count or id, and capabilities. */
export function deviceRequests(value: JsonValue): JsonObject | string {
  if (!Array.isArray(value)) return expected("a list of device requests", value);
  const list: JsonObject[] = [];
  for (const request of value) {
    if (!isJsonObject(request)) return expected("a list of device requests", request);
    list.push({
      Driver: either(request, "driver", "Driver") ?? "",
      Count: either(request, "count", "Count") ?? 0,
      DeviceIDs: either(request, "device_ids", "DeviceIDs") ?? [],
      Capabilities: either(request, "capabilities", "Capabilities") ?? [],
      Options: either(request, "options", "Options") ?? {},
    });
  }
  return { DeviceRequests: list };
}
