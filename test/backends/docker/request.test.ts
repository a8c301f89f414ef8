import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PREFECT_DEFAULTS } from "../../../src/agent.ts";
import type { LaunchRequest } from "../../../src/backend.ts";
import { containerName } from "../../../src/backends/docker/labels.ts";
import { agentOptions } from "../../../src/backends/docker/options.ts";
import { prepare, toLaunch } from "../../../src/backends/docker/request.ts";
import { engines } from "../../../src/engines/index.ts";
import { PermanentError } from "../../../src/errors.ts";
import type { JsonObject } from "../../../src/json.ts";
import { launchRequest, type RequestParts } from "../../contracts/request.ts";

/** A flow runner of Orion with these settings, as its parser leaves them. */
function runner(options: JsonObject = {}, parts: RequestParts = {}): LaunchRequest {
  const filled = { image: "etl:1", networks: [], volumes: [], ...options };
  const config = { dialect: "orion", type: "docker", options: filled } as const;
  return launchRequest({ ...parts, config: { ...config, ...parts.config } });
}

function run(options: JsonObject = {}, parts: RequestParts = {}): LaunchRequest {
  return launchRequest({
    ...parts,
    config: { options: { image: "etl:1", ...options }, ...parts.config },
  });
}

describe("the name of a container", () => {
  it.each([
    [undefined, "sluice-run-7-2"],
    ["Sluice_dev.eu-1", "sluice-Sluice_dev.eu-1.run-7-2"],
    ["x".repeat(63), `sluice-${"x".repeat(63)}.run-7-2`],
    ["x".repeat(64), expect.stringMatching(/^sluice-[0-9a-f]{40}\.run-7-2$/)],
    ["a b", expect.stringMatching(/^sluice-[0-9a-f]{40}\.run-7-2$/)],
  ])("of the installation %s is %s", (installation, name) => {
    expect(containerName({ runId: "run-7", launch: 2 }, installation)).toEqual(name);
  });

  it("is the same for no two launches of any two installations", () => {
    const installation = fc.option(fc.stringMatching(/^[a-z1.-]{3,5}$/), { nil: undefined });
    const launch = fc.record({ runId: fc.stringMatching(/^[a-z1]([a-z1-]{0,5}[a-z1])?$/) });
    const number = fc.integer({ min: 1, max: 12 });
    fc.assert(
      fc.property(
        fc.tuple(launch, number, installation),
        fc.tuple(launch, number, installation),
        (one, other) => {
          fc.pre(JSON.stringify(one) !== JSON.stringify(other));
          const [first, second] = [one, other].map(([run, number, installation]) =>
            containerName({ ...run, launch: number }, installation),
          );
          expect(first).not.toBe(second);
        },
      ),
    );
  });
});

function planned(
  request: LaunchRequest,
  {
    platform = "linux",
    version = "24.0.7",
    ...options
  }: JsonObject & { platform?: string; version?: string } = {},
) {
  const prepared = prepare(request, agentOptions.parse(options), {
    platform,
    installation: undefined,
  });
  const { variables } = prepared.process;
  const launch = toLaunch(prepared, { version, env: [] });
  const create = launch["create"] as { readonly HostConfig: JsonObject } & JsonObject;
  const { name, pull, pull_policy, networks } = launch;
  const { HostConfig: host } = create;
  return {
    name,
    pull,
    pull_policy,
    networks,
    create,
    host,
    variables,
    warnings: prepared.warnings,
  };
}

function refused(request: LaunchRequest, options: JsonObject = {}): PermanentError {
  try {
    planned(request, options);
  } catch (error) {
    if (error instanceof PermanentError) return error;
    throw error;
  }
  throw new Error("it was not refused");
}

describe("a flow runner on docker", () => {
  it("keeps its container unless it says otherwise", () => {
    expect(planned(runner()).create["Labels"]).not.toHaveProperty(["sluice.auto-remove"]);
    expect(planned(runner({ auto_remove: true })).create["Labels"]).toMatchObject({
      "sluice.auto-remove": "true",
    });
    expect(planned(runner({ auto_remove: true })).host).not.toHaveProperty("AutoRemove");
  });

  it("joins its networks, the first as network mode", () => {
    const { host, create, networks } = planned(runner({ networks: ["a", "b", "c"] }));
    expect(host["NetworkMode"]).toBe("a");
    expect(create["NetworkingConfig"]).toEqual({ EndpointsConfig: { a: {} } });
    expect(networks).toEqual(["b", "c"]);
  });

  it("joins the networks of the agent if it names none and no mode", () => {
    expect(planned(runner(), { networks: ["x", "y"] })).toMatchObject({
      host: { NetworkMode: "x" },
      networks: ["y"],
    });
    const { create, host, networks } = planned(runner({ network_mode: "none" }), {
      networks: ["x", "y"],
    });
    expect([host["NetworkMode"], create["NetworkingConfig"], networks]).toEqual([
      "none",
      undefined,
      [],
    ]);
  });

  it("mounts its volumes after those of the agent", () => {
    const agent = { allow: ["volumes"] };
    const { host, create } = planned(runner({ volumes: ["/x:/y", "cache:/c:ro"] }, { agent }), {
      volumes: ["/a:/b"],
    });
    expect(host["Binds"]).toEqual(["/a:/b:rw", "/x:/y", "cache:/c:ro"]);
    expect(create["Volumes"]).toEqual({ "/b": {}, "/y": {}, "/c": {} });
  });

  it("gives the container its labels, but none of ours", () => {
    const labels = { team: "data", "sluice.run-id": "other", "sluice.x": "y" };
    const { create, warnings } = planned(runner({ labels }));
    expect(create["Labels"]).toEqual({
      team: "data",
      "sluice.run-id": "run-1",
      "sluice.launch": "1",
      "sluice.flow": "nightly-load",
      "sluice.agent": "test",
    });
    expect(warnings).toEqual([expect.stringContaining("sluice.run-id, sluice.x")]);
  });

  it.each([
    ["etl", true, undefined],
    ["etl:latest", true, undefined],
    ["etl:1", true, "if_not_present"],
    ["reg.example.com:5000/etl", true, undefined],
    ["reg.example.com:5000/etl:1", true, "if_not_present"],
    [`etl@sha256:${"0".repeat(64)}`, true, "if_not_present"],
  ])("has %s pulled: %s %s", (image, pull, policy) => {
    const launch = planned(runner({ image }));
    expect([launch.pull, launch.pull_policy]).toEqual([pull, policy]);
  });

  it.each([
    ["ALWAYS", true, undefined],
    ["IF_NOT_PRESENT", true, "if_not_present"],
    ["NEVER", false, undefined],
  ])("with the pull policy %s: %s %s", (image_pull_policy, pull, policy) => {
    const launch = planned(runner({ image_pull_policy }));
    expect([launch.pull, launch.pull_policy]).toEqual([pull, policy]);
    expect(planned(runner({ image_pull_policy }), { no_pull: true }).pull).toBe(false);
  });

  it("without an image is refused", () => {
    expect(refused(runner({ image: null })).issues[0]?.path).toBe("run_config.image");
  });
});

describe("a run of Orion whose API is on this machine", () => {
  const orion = { engine: engines.orion, agent: agentOf({ api: "http://127.0.0.1:4200/api" }) };

  it("shares the network of the machine, and its address stays", () => {
    const { host, variables } = planned(runner({}, orion));
    expect(host["NetworkMode"]).toBe("host");
    expect(variables).toContainEqual(
      expect.objectContaining({ value: "http://127.0.0.1:4200/api" }),
    );
  });

  it.each([
    ["on another system", {}, { platform: "darwin" }],
    ["in a network", { networks: ["n1"] }, {}],
    ["in a network of the agent", {}, { networks: ["n1"] }],
  ])("knows the machine by name %s", (_, options, more) => {
    const { host, variables } = planned(runner(options, orion), more);
    expect(host["NetworkMode"]).not.toBe("host");
    expect(host["ExtraHosts"]).toEqual(["host.docker.internal:host-gateway"]);
    expect(variables).toContainEqual(
      expect.objectContaining({ value: "http://host.docker.internal:4200/api" }),
    );
  });

  it("does not open the machine because the run itself names such an address", () => {
    const env = { PREFECT_API_URL: "http://localhost:4200/api" };
    const { host, warnings } = planned(runner({}, { engine: engines.orion, env }));
    expect(host["NetworkMode"]).toBe("default");
    expect(warnings).toEqual([expect.stringContaining("network_mode")]);
    const agent = { allow: ["network_mode"] };
    expect(planned(runner({}, { engine: engines.orion, env, agent })).host["NetworkMode"]).toBe(
      "host",
    );
  });

  it("has no name for the machine if its own API is elsewhere", () => {
    const env = { PREFECT_API_URL: "https://prefect.example.com/api" };
    expect(planned(runner({}, { ...orion, env })).host).not.toHaveProperty("ExtraHosts");
  });
});

describe("a message", () => {
  it.each([
    ["privileged", { privileged: true }],
    ["binds", { binds: ["/:/host"] }],
    ["binds", { binds: { "/": "/host" } }],
    ["mounts", { mounts: [{ Type: "bind", Source: "/", Target: "/host" }] }],
    ["volumes_from", { volumes_from: ["other"] }],
    ["devices", { devices: ["/dev/sda"] }],
    ["device_cgroup_rules", { device_cgroup_rules: ["b 8:* rmw"] }],
    ["cap_add", { cap_add: ["SYS_ADMIN"] }],
    ["security_opt", { security_opt: ["seccomp=unconfined"] }],
    ["links", { links: { database: "db" } }],
    ["volume_driver", { volume_driver: "nfs" }],
    ["device_requests", { device_requests: [{ count: -1, capabilities: [["gpu"]] }] }],
    ["runtime", { runtime: "nvidia" }],
    ["cgroup_parent", { cgroup_parent: "/system.slice" }],
    ["sysctls", { sysctls: { "net.ipv4.ip_forward": 1 } }],
    ["oom_kill_disable", { oom_kill_disable: true }],
    ["oom_score_adj", { oom_score_adj: -1 }],
    ["network_mode", { network_mode: "host" }],
    ["network_mode", { network_mode: "container:vault" }],
    ["pid_mode", { pid_mode: "host" }],
    ["ipc_mode", { ipc_mode: "host" }],
    ["uts_mode", { uts_mode: "host" }],
    ["userns_mode", { userns_mode: "host" }],
    ["cgroupns", { cgroupns: "host" }],
  ])("may set %s only if the agent allows it: %j", (name, host_config) => {
    const error = refused(run({ host_config }));
    expect(error.code).toBe("forbidden");
    expect(error.issues.map(({ path }) => path)).toEqual([`run_config.host_config.${name}`]);
    expect(error.message).toContain("`allow`");
    expect(refused(run({ host_config }, { agent: { allow: ["other"] } })).code).toBe("forbidden");
    for (const allow of [[name], ["*"]]) {
      expect(() => planned(run({ host_config }, { agent: { allow } }))).not.toThrow();
    }
  });

  it("may set what opens nothing", () => {
    const host_config = {
      privileged: false,
      binds: [],
      cap_add: null,
      device_requests: [],
      sysctls: {},
      runtime: "",
      oom_kill_disable: false,
      oom_score_adj: 500,
      cap_drop: ["ALL"],
      network_mode: "bridge",
      ipc_mode: "private",
      mem_limit: "512m",
    };
    expect(planned(run({ host_config })).host).toMatchObject({ Memory: 512 * 1024 ** 2 });
  });

  it.each([
    ["volumes", { volumes: ["/:/host"] }, "volumes"],
    ["network_mode", { network_mode: "host" }, "network_mode"],
    ["network_mode", { network_mode: "container:vault" }, "network_mode"],
    ["networks", { networks: ["n1", "host"] }, "network_mode"],
  ])("may not open the machine by the %s of a flow runner: %j", (field, options, name) => {
    const error = refused(runner(options));
    expect(error.code).toBe("forbidden");
    expect(error.issues.map(({ path }) => path)).toEqual([`run_config.config.${field}`]);
    expect(() => planned(runner(options, { agent: { allow: [name] } }))).not.toThrow();
  });

  it("is told of every fault at once", () => {
    const host_config = { privileged: true, binds: ["/:/host"], pid_mode: "host" };
    expect(refused(run({ host_config })).issues).toHaveLength(3);
  });

  it("may have no restart policy, because a run is started once", () => {
    const error = refused(run({ host_config: { restart_policy: { Name: "always" } } }));
    expect(error.issues[0]).toMatchObject({ path: "run_config.host_config.restart_policy" });
    const none = { restart_policy: { Name: "no" } };
    expect(planned(run({ host_config: none })).host).not.toHaveProperty("RestartPolicy");
  });

  it("has its images checked against the agent's list, by whatever it asks for one", () => {
    const options = { reg_allow_list: ["reg.example.com"] };
    const error = refused(run({ image: "other.example.com/etl" }), options);
    expect(error).toMatchObject({
      code: "forbidden",
      message: expect.stringContaining("other.example.com"),
    });
    expect(refused(runner({ image: "etl" }), options).message).toContain("docker.io");
    expect(() =>
      planned(runner({ image: "etl", image_pull_policy: "NEVER" }), options),
    ).not.toThrow();
    expect(() => planned(run({ image: "reg.example.com/etl" }), options)).not.toThrow();
  });
});

describe("a container", () => {
  it("runs what the image says if the flow has no command", () => {
    expect(planned(run({}, { command: null })).create).not.toHaveProperty("Cmd");
  });

  it("has no terminal, which would mix standard output and standard error", () => {
    expect(planned(run()).create).toMatchObject({
      Tty: false,
      AttachStdout: true,
      AttachStderr: true,
    });
  });

  it("exposes the ports of its run", () => {
    expect(planned(run({ ports: [80, 8080] })).create["ExposedPorts"]).toEqual({
      "80/tcp": {},
      "8080/tcp": {},
    });
  });

  it("carries Prefect's labels for Prefect's engines", () => {
    const flow = { id: "f1" };
    const labels = (engine: "prefect1" | "orion") => {
      const agent = agentOf({ api: "https://prefect.example.com/api" });
      return planned(run({}, { flow, agent, engine: engines[engine] })).create["Labels"];
    };
    expect(labels("prefect1")).toMatchObject({
      "io.prefect.flow-name": "nightly-load",
      "io.prefect.flow-id": "f1",
      "io.prefect.flow-run-id": "run-1",
    });
    expect(labels("orion")).toMatchObject({ "io.prefect.flow-run-id": "run-1" });
    expect(labels("orion")).not.toHaveProperty(["io.prefect.flow-id"]);
  });

  it("is named so that two launches never share a name", () => {
    const name = (runId: string, launch: number) => planned(run({}, { runId, launch })).name;
    expect(name("a", 12)).toBe("sluice-a-12");
    expect(new Set([name("a", 12), name("a-1", 2), name("a-1", 12)]).size).toBe(3);
  });
});

function agentOf(prefect: JsonObject): NonNullable<RequestParts["agent"]> {
  return { backend: "docker", prefect: { ...PREFECT_DEFAULTS, ...prefect } };
}
