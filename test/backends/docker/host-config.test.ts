import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hostConfigOf } from "../../../src/backends/docker/host-config.ts";
import type { JsonObject } from "../../../src/json.ts";

function translated(options: JsonObject): JsonObject {
  const result = hostConfigOf(options, "host_config");
  if (!result.ok) throw new Error(JSON.stringify(result.issues));
  const { NetworkMode: _, ...value } = result.value;
  return value;
}

function faults(options: JsonObject): readonly string[] {
  const result = hostConfigOf(options, "host_config");
  return result.ok ? [] : result.issues.map(({ path, message }) => `${path}: ${message}`);
}

const MIB = 1024 ** 2;

describe("a host config", () => {
  it.each([
    [{ mem_limit: "512m" }, { Memory: 512 * MIB }],
    [{ mem_limit: "1.5GB" }, { Memory: 1536 * MIB }],
    [{ mem_limit: "100b" }, { Memory: 100 }],
    [{ mem_limit: "64k" }, { Memory: 65_536 }],
    [{ mem_limit: "4096" }, { Memory: 4096 }],
    [{ mem_limit: 4096 }, { Memory: 4096 }],
    [{ mem_limit: 0 }, { Memory: 0 }],
    [{ mem_limit: -0.5 }, { Memory: 0 }],
    [{ memswap_limit: -1 }, { MemorySwap: -1 }],
    [{ memswap_limit: "-1" }, { MemorySwap: -1 }],
    [{ mem_reservation: 0 }, {}],
    [{ mem_swappiness: 0 }, { MemorySwappiness: 0 }],
    [{ kernel_memory: "32m" }, { KernelMemory: 32 * MIB }],
    [{ shm_size: "" }, { ShmSize: 0 }],
    [{ cpu_shares: 512, cpu_quota: 0 }, { CpuShares: 512 }],
    [{ nano_cpus: 1_500_000_000 }, { NanoCpus: 1_500_000_000 }],
    [
      { cpuset_cpus: "0,1", cpuset_mems: "0" },
      { CpusetCpus: "0,1", CpusetMems: "0" },
    ],
    [{ pids_limit: 100 }, { PidsLimit: 100 }],
    [
      { read_only: false, init: true },
      { ReadonlyRootfs: false, Init: true },
    ],
    [{ privileged: false, publish_all_ports: true }, { PublishAllPorts: true }],
    [{ cap_add: ["NET_ADMIN"], cap_drop: [] }, { CapAdd: ["NET_ADMIN"] }],
    [
      { dns: [], dns_opt: ["ndots:1"], dns_search: [] },
      { Dns: [], DnsOptions: ["ndots:1"] },
    ],
    [{ group_add: [1000, "video"] }, { GroupAdd: ["1000", "video"] }],
    [{ sysctls: { "net.core.somaxconn": 1024 } }, { Sysctls: { "net.core.somaxconn": "1024" } }],
    [
      { extra_hosts: { b: "10.0.0.2", a: "10.0.0.1" } },
      { ExtraHosts: ["a:10.0.0.1", "b:10.0.0.2"] },
    ],
    [{ extra_hosts: ["a:10.0.0.1"] }, { ExtraHosts: ["a:10.0.0.1"] }],
    [{ links: { database: "db" } }, { Links: ["database:db"] }],
    [{ volumes_from: "a,b" }, { VolumesFrom: ["a", "b"] }],
    [{ binds: ["/a:/b:ro"] }, { Binds: ["/a:/b:ro"] }],
    [{ binds: { "/a": "/b" } }, { Binds: ["/a:/b:rw"] }],
    [{ binds: { "/a": { bind: "/b" } } }, { Binds: ["/a:/b:rw"] }],
    [{ binds: { "/a": { bind: "/b", mode: "z" } } }, { Binds: ["/a:/b:z"] }],
    [{ binds: { "/a": { bind: "/b", ro: true } } }, { Binds: ["/a:/b:ro"] }],
    [
      { binds: { "/a": { bind: "/b", mode: "ro", propagation: "rslave" } } },
      { Binds: ["/a:/b:ro,rslave"] },
    ],
    [
      {
        port_bindings: {
          "80": 8080,
          "53/udp": ["10.0.0.1", { HostPort: 53, HostIp: "10.0.0.1" }],
          "1": null,
        },
      },
      {
        PortBindings: {
          "1/tcp": [{ HostIp: "", HostPort: "" }],
          "80/tcp": [{ HostIp: "", HostPort: "8080" }],
          "53/udp": [
            { HostIp: "", HostPort: "10.0.0.1" },
            { HostIp: "10.0.0.1", HostPort: "53" },
          ],
        },
      },
    ],
    [
      { devices: ["/dev/a", "/dev/b:/dev/c", "/dev/d:/dev/e:r", { PathOnHost: "/dev/f" }] },
      {
        Devices: [
          { PathOnHost: "/dev/a", PathInContainer: "/dev/a", CgroupPermissions: "rwm" },
          { PathOnHost: "/dev/b", PathInContainer: "/dev/c", CgroupPermissions: "rwm" },
          { PathOnHost: "/dev/d", PathInContainer: "/dev/e", CgroupPermissions: "r" },
          { PathOnHost: "/dev/f" },
        ],
      },
    ],
    [
      {
        ulimits: [
          { name: "nofile", soft: 1024, hard: 2048 },
          { Name: "core", Soft: 0 },
        ],
      },
      {
        Ulimits: [
          { Name: "nofile", Soft: 1024, Hard: 2048 },
          { Name: "core", Soft: 0 },
        ],
      },
    ],
    [
      { log_config: { type: "json-file", config: { "max-size": "10m" } } },
      { LogConfig: { Type: "json-file", Config: { "max-size": "10m" } } },
    ],
    [{ tmpfs: ["/run:size=64m", "/tmp"] }, { Tmpfs: { "/run": "size=64m", "/tmp": "" } }],
    [{ tmpfs: { "/run": "size=64m" } }, { Tmpfs: { "/run": "size=64m" } }],
    [
      { device_requests: [{ count: -1, capabilities: [["gpu"]] }] },
      {
        DeviceRequests: [
          { Driver: "", Count: -1, DeviceIDs: [], Capabilities: [["gpu"]], Options: {} },
        ],
      },
    ],
    [{ mounts: [{ Type: "tmpfs", Target: "/t" }] }, { Mounts: [{ Type: "tmpfs", Target: "/t" }] }],
    [
      { auto_remove: true, restart_policy: { Name: "no" }, userns_mode: "host" },
      { UsernsMode: "host" },
    ],
    [{ mem_limit: null, binds: null }, {}],
  ] as const)("%j becomes %j", (options, expected) => {
    expect(translated(options)).toEqual(expected);
  });

  it("has the engine's own network unless it names one", () => {
    expect(hostConfigOf({}, "")).toMatchObject({ value: { NetworkMode: "default" } });
    expect(hostConfigOf({ network_mode: null }, "")).toMatchObject({
      value: { NetworkMode: "default" },
    });
    expect(hostConfigOf({ network_mode: "n1" }, "")).toMatchObject({
      value: { NetworkMode: "n1" },
    });
  });

  it.each([
    [{ not_an_option: 1 }, "knows no option not_an_option"],
    [{ constructor: 1 }, "knows no option constructor"],
    [{ mem_limit: "much" }, "such as 512m"],
    [{ mem_limit: "12x" }, "such as 512m"],
    [{ mem_limit: true }, "such as 512m"],
    [{ cpu_shares: 0.5 }, "a whole number, got 0.5"],
    [{ privileged: "yes" }, "true or false"],
    [{ cap_add: "ALL" }, "a list of texts"],
    [{ network_mode: 1 }, "text, got 1"],
    [{ userns_mode: "private" }, "host, got"],
    [{ binds: { "/a": { bind: "/b", ro: true, mode: "rw" } } }, "either mode or ro, for /a"],
    [{ binds: { "/a": 1 } }, "for /a"],
    [{ binds: 1 }, "binds by path"],
    [{ port_bindings: { "80": { HostIp: "10.0.0.1" } } }, "HostPort and HostIp, for 80"],
    [{ port_bindings: { "80": true } }, "for 80"],
    [{ port_bindings: [80] }, "by port of the container"],
    [{ devices: [1] }, "such as /dev/fuse"],
    [{ devices: "x" }, "a list of devices"],
    [{ ulimits: [{ soft: 1 }] }, "name, soft and hard"],
    [{ ulimits: 1 }, "a list of limits"],
    [{ log_config: "json-file" }, "type and config"],
    [{ log_config: { type: "x", config: 1 } }, "as config"],
    [{ tmpfs: 1 }, "options by path"],
    [{ device_requests: 1 }, "a list of device requests"],
    [{ device_requests: [1] }, "a list of device requests"],
    [{ mounts: ["/a"] }, "a list of objects"],
    [{ sysctls: ["a"] }, "an object"],
    [{ extra_hosts: 1 }, "addresses by host name"],
    [{ links: 1 }, "aliases by container"],
    [{ group_add: "video" }, "a list of groups"],
    [{ volumes_from: 1 }, "a list of containers"],
    [{ auto_remove: 1 }, "true or false"],
    [{ restart_policy: { Name: "always" } }, "no restart policy"],
    [{ network_mode: "host", port_bindings: { "80": 80 } }, "because network_mode is host"],
  ] as const)("%j is refused: %s", (options, words) => {
    expect(faults(options)).toEqual([expect.stringContaining(words)]);
  });

  it("is told of all its faults", () => {
    expect(faults({ a: 1, mem_limit: "x", cap_add: 1 })).toHaveLength(3);
  });

  it("never throws and always answers in JSON, whatever an option holds", () => {
    const names = [
      "binds",
      "port_bindings",
      "devices",
      "ulimits",
      "log_config",
      "tmpfs",
      "mem_limit",
    ];
    // JSON has no negative zero.
    const json = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as JsonObject);
    fc.assert(
      fc.property(fc.constantFrom(...names), json, (name, value) => {
        const result = hostConfigOf({ [name]: value }, "host_config");
        expect(JSON.parse(JSON.stringify(result))).toEqual(result);
      }),
    );
  });
});
