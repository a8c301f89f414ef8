import { gte, valid } from "@renovatebot/pep440";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addressOf, defaultUrl, targetOf } from "../../../src/backends/docker/address.ts";
import { hasHostGateway } from "../../../src/backends/docker/engine-version.ts";
import { backend } from "../../../src/backends/docker/index.ts";
import { agentOptions } from "../../../src/backends/docker/options.ts";
import { referenceOf, registryOf } from "../../../src/backends/docker/pull.ts";
import { testAgent } from "../../contracts/request.ts";
import { testWorld } from "../../fakes/world.ts";

describe("the address of an engine", () => {
  it.each([
    ["unix:///var/run/docker.sock", "unix:///var/run/docker.sock"],
    ["unix://var/run/docker.sock", "unix:///var/run/docker.sock"],
    ["http+unix:///run/d.sock", "unix:///run/d.sock"],
    ["npipe:////./pipe/docker_engine", "npipe:////./pipe/docker_engine"],
    ["tcp://10.0.0.2:2375", "tcp://10.0.0.2:2375"],
    ["http://10.0.0.2:2375/", "tcp://10.0.0.2:2375"],
    ["http://engine:80", "tcp://engine:80"],
    ["https://engine:443", "https://engine:443"],
    ["tcp://[::1]:2375", "tcp://[::1]:2375"],
  ])("%s is the target %s", (url, target) => {
    const address = addressOf(url);
    if (typeof address === "string") throw new Error(address);
    expect(targetOf(address)).toBe(target);
    expect(addressOf(target)).toEqual(address);
    expect(agentOptions.safeParse({ base_url: url }).success).toBe(true);
  });

  it.each([
    "",
    "/var/run/docker.sock",
    "unix://",
    "npipe://",
    "tcp://",
    "tcp://engine",
    "tcp://engine:0",
    "tcp://:2375",
    "tcp://engine:2375/prefix",
    "tcp://user@engine:2375",
    "ssh://engine",
    "fd://3",
  ])("%s is none", (url) => {
    expect(addressOf(url)).toEqual(expect.stringContaining("expected"));
    const { error } = agentOptions.safeParse({ base_url: url });
    expect(error?.issues[0]).toMatchObject({
      path: ["base_url"],
      message: expect.stringContaining("expected"),
    });
  });

  it("is a socket of this machine unless an agent says otherwise", () => {
    expect(defaultUrl("linux")).toBe("unix:///var/run/docker.sock");
    expect(defaultUrl("win32")).toBe("npipe:////./pipe/docker_engine");
  });
});

describe("the backend", () => {
  it("is opened without a call, on the engine of its agent", () => {
    const agent = testAgent({ options: { base_url: "unix:///no/such.sock" } });
    expect(backend.open(agent, testWorld())).toMatchObject({ plan: expect.any(Function) });
    expect(backend.name).toBe("docker");
  });

  it("is not opened for an agent with options it does not know", () => {
    const agent = testAgent({ options: { privileged: true } });
    expect(() => backend.open(agent, testWorld())).toThrow("unknown key privileged");
  });
});

describe("the name of an image", () => {
  it.each([
    ["etl", { name: "etl" }, "docker.io"],
    ["etl:1", { name: "etl", tag: "1" }, "docker.io"],
    ["team/etl:1", { name: "team/etl", tag: "1" }, "docker.io"],
    ["localhost/etl", { name: "localhost/etl" }, "localhost"],
    ["localhost:5000/etl", { name: "localhost:5000/etl" }, "localhost:5000"],
    [
      "reg.example.com/team/etl:1",
      { name: "reg.example.com/team/etl", tag: "1" },
      "reg.example.com",
    ],
    ["reg:5000/team/etl:1", { name: "reg:5000/team/etl", tag: "1" }, "reg:5000"],
    ["etl@sha256:abc", { name: "etl", digest: "sha256:abc" }, "docker.io"],
    [
      "reg:5000/etl:1@sha256:abc",
      { name: "reg:5000/etl", tag: "1", digest: "sha256:abc" },
      "reg:5000",
    ],
  ])("%s is %j of %s", (image, parts, registry) => {
    expect(referenceOf(image)).toEqual(parts);
    expect(registryOf(image)).toBe(registry);
  });
});

describe("the version of an engine", () => {
  it.each([
    ["20.10.0", true],
    ["20.10.24+dfsg1", true],
    ["20.10.0-rc1", false],
    ["20.10.0-beta1", false],
    ["20.10.0-ce", true],
    ["20.10.1-rc1", true],
    ["19.03.13-ce", false],
    ["28.2.2", true],
    ["4.3.1", false],
    ["", true],
    ["library-import", true],
  ])("%s knows host-gateway: %s", (version, knows) => {
    expect(hasHostGateway(version)).toBe(knows);
  });

  it("is compared as Python compares versions", () => {
    const number = fc.integer({ min: 0, max: 40 });
    const near = fc.constantFrom(0, 9, 10, 11, 19, 20, 21);
    const suffix = fc.constantFrom("", "rc1", "-rc2", "a1", "b2", ".dev1", "+dfsg1", ".post1");
    fc.assert(
      fc.property(fc.oneof(near, number), near, near, suffix, (major, minor, patch, end) => {
        const version = `${major}.${minor}.${patch}${end}`;
        fc.pre(valid(version) !== null);
        // A pre-release of a later version is later, for PEP 440 too.
        expect(hasHostGateway(version)).toBe(gte(version, "20.10.0"));
      }),
    );
  });
});
