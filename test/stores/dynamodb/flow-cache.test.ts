import { describe, expect, it } from "vitest";
import type { RegisteredFlow } from "../../../src/registry.ts";
import { FRESH_MS, flowCache } from "../../../src/stores/dynamodb/flow-cache.ts";
import { testClock } from "../../fakes/clock.ts";

function registered(name: string, version: number): RegisteredFlow {
  return { name, version, flow: { name }, registeredAt: "2026-11-21T12:00:00.000Z" };
}

describe("what a process knows of registered flows", () => {
  it("is a version for ever, and the newest one for a while", () => {
    const clock = testClock();
    const cache = flowCache(clock.now);
    const first = registered("load", 1);
    cache.keep(first, clock.now());

    clock.pass(FRESH_MS - 1);
    expect(cache.newest("load")).toBe(first);
    clock.pass(1);
    expect(cache.newest("load")).toBeUndefined();
    expect(cache.version("load", 1)).toBe(first);
  });

  it("is nothing of others", () => {
    const clock = testClock();
    const cache = flowCache(clock.now);
    cache.keep(registered("load", 1), clock.now());

    expect(cache.newest("Load")).toBeUndefined();
    expect(cache.version("load", 2)).toBeUndefined();
  });

  it("is not taken back by an answer that is older than what was registered here", () => {
    const clock = testClock();
    const cache = flowCache(clock.now);
    const second = registered("load", 2);
    cache.keep(second, clock.now());
    cache.keep(registered("load", 1), clock.now());

    expect(cache.newest("load")).toBe(second);
  });

  it("does not make the newest of a version that was asked for", () => {
    const cache = flowCache(testClock().now);
    cache.keep(registered("load", 1));

    expect(cache.newest("load")).toBeUndefined();
  });

  it("is of so many flows only, those kept last", () => {
    const clock = testClock();
    const cache = flowCache(clock.now);
    const flows = Array.from({ length: 150 }, (_, index) => registered(`flow-${index}`, 1));
    for (const flow of flows) cache.keep(flow, clock.now());

    const known = flows.filter(({ name }) => cache.newest(name) !== undefined);
    expect(known).toStrictEqual(flows.slice(50));
    expect(flows.filter(({ name }) => cache.version(name, 1) !== undefined)).toStrictEqual(known);
  });
});
