import { describe, expect, test } from "vitest";
import { type AgentHost, areOthersLost, LOST_AFTER_MS } from "../src/hosts.ts";
import { plus } from "../src/time.ts";

const NOW = "2026-11-21T12:00:00.000Z";
const LONG_AGO = plus(NOW, -LOST_AFTER_MS);
const JUST_NOW = plus(NOW, -1);

function host(id: string, lastSeen: string): Omit<AgentHost, "before"> {
  return { agent: "lab", id, machine: id, version: "1", startedAt: LONG_AGO, lastSeen };
}

describe("the other hosts of an agent are lost", () => {
  test.each<readonly [string, AgentHost | undefined]>([
    ["there never was a host", undefined],
    ["the only one is the one that asks", host("mine", JUST_NOW)],
    ["another one was not seen for long", host("other", LONG_AGO)],
    [
      "the one before was not seen for long",
      { ...host("mine", JUST_NOW), before: host("other", LONG_AGO) },
    ],
  ])("if %s", (_, known) => {
    expect(areOthersLost(known, "mine", NOW)).toBe(true);
  });

  test.each<readonly [string, AgentHost]>([
    ["another one was just seen", host("other", plus(LONG_AGO, 1))],
    ["the one before was", { ...host("mine", JUST_NOW), before: host("other", JUST_NOW) }],
  ])("but not if %s", (_, known) => {
    expect(areOthersLost(known, "mine", NOW)).toBe(false);
  });
});
