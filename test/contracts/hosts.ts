import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type AgentHost, type AgentHosts, OFFLINE_AFTER_MS } from "../../src/hosts.ts";
import { plus } from "../../src/time.ts";
import { START } from "./store-samples.ts";

/** Hosts as the contract needs them; new and empty ones are opened for each test. */
export interface HostsHarness {
  readonly hosts: AgentHosts;
  /** The same hosts through another adapter, as another process would open it. */
  readonly reopen: () => AgentHosts;
  readonly close: () => void | Promise<void>;
}

/** The promises every keeper of hosts keeps. */
export function hostsContract(
  name: string,
  open: () => HostsHarness | Promise<HostsHarness>,
): void {
  describe(`${name} hosts`, () => {
    let harness: HostsHarness;
    beforeEach(async () => {
      harness = await open();
    });
    afterEach(() => harness.close());

    it("notes the first host of an agent, and gives it back as it is", async () => {
      const { hosts, reopen } = harness;
      expect(await hosts.list()).toStrictEqual([]);
      expect(await hosts.beat(host())).toStrictEqual(host());
      expect(await reopen().list()).toStrictEqual([host()]);
    });

    it("moves the last sight of a host with each beat, also after a restart", async () => {
      const { hosts, reopen } = harness;
      await hosts.beat(host());
      const next = host({ lastSeen: plus(START, 15_000), startedAt: plus(START, 14_000) });
      expect(await reopen().beat(next)).toStrictEqual(next);
      expect(await hosts.list()).toStrictEqual([next]);
    });

    it("answers a second host with the first one while that is at work, and keeps it", async () => {
      const { hosts, reopen } = harness;
      await hosts.beat(host());
      const other = host({ id: "other", lastSeen: plus(START, OFFLINE_AFTER_MS - 1) });
      expect(await reopen().beat(other)).toStrictEqual(host());
      expect(await hosts.list()).toStrictEqual([host()]);
    });

    it("lets a second host take the place of one that is offline, which then is refused", async () => {
      const { hosts, reopen } = harness;
      await hosts.beat(host());
      const seen = plus(START, OFFLINE_AFTER_MS);
      const other = host({ id: "other", machine: "shed", lastSeen: seen });
      const noted = { ...other, before: { id: "one", machine: "bench", lastSeen: START } };
      expect(await reopen().beat(other)).toStrictEqual(noted);
      expect(await hosts.beat(host({ lastSeen: plus(seen, 1) }))).toStrictEqual(noted);
    });

    it("remembers whose place a host has taken for as long as it works", async () => {
      const { hosts, reopen } = harness;
      await hosts.beat(host());
      const seen = plus(START, OFFLINE_AFTER_MS);
      await hosts.beat(host({ id: "other", lastSeen: seen }));
      await reopen().beat(host({ id: "other", lastSeen: plus(seen, 1) }));
      expect(await hosts.list()).toMatchObject([{ id: "other", before: { id: "one" } }]);
      const later = plus(seen, 1 + OFFLINE_AFTER_MS);
      await hosts.beat(host({ lastSeen: later }));
      const before = { id: "other", machine: "bench", lastSeen: plus(seen, 1) };
      expect(await reopen().list()).toStrictEqual([host({ lastSeen: later, before })]);
    });

    it("gives the place of a host that is offline to one of two that ask at the same time", async () => {
      const { hosts, reopen } = harness;
      await hosts.beat(host());
      const lastSeen = plus(START, OFFLINE_AFTER_MS);
      const answers = await Promise.all([
        hosts.beat(host({ id: "a", lastSeen })),
        reopen().beat(host({ id: "b", lastSeen })),
      ]);
      expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
      expect(answers.map(({ before }) => before?.id)).toStrictEqual(["one", "one"]);
    });

    it("gives the place to one of two hosts that ask at the same time", async () => {
      const { hosts, reopen } = harness;
      const answers = await Promise.all([
        hosts.beat(host({ id: "a" })),
        reopen().beat(host({ id: "b" })),
      ]);
      expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
    });

    it("gives the host of one agent, as it is noted now, and none of an agent that never had one", async () => {
      const { hosts, reopen } = harness;
      await hosts.beat(host({ agent: "other", id: "two" }));
      expect(await hosts.get("lab")).toBeUndefined();
      await reopen().beat(host());
      expect(await hosts.get("lab")).toStrictEqual(host());
      const next = host({ lastSeen: plus(START, 15_000) });
      await reopen().beat(next);
      expect(await hosts.get("lab")).toStrictEqual(next);
      expect((await hosts.get("other", 60_000))?.id).toBe("two");
    });

    it("lists the hosts of several agents by name", async () => {
      const { hosts } = harness;
      for (const agent of ["c", "a-1", "b", "a"]) await hosts.beat(host({ agent }));
      expect((await hosts.list()).map(({ agent }) => agent)).toStrictEqual(["a", "a-1", "b", "c"]);
    });
  });
}

function host(parts: Partial<AgentHost> = {}): AgentHost {
  return {
    agent: "lab",
    id: "one",
    machine: "bench",
    version: "0.1.0",
    startedAt: START,
    lastSeen: START,
    ...parts,
  };
}
