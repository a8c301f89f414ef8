import { boundedMap } from "../../bounded.ts";
import { type AgentHost, type AgentHosts, type Beat, OFFLINE_AFTER_MS } from "../../hosts.ts";
import { plus } from "../../time.ts";
import { type Item, textOf } from "./item.ts";
import type { Key, Table, Written } from "./table.ts";

/** The most hosts that are remembered. */
const MOST = 100;

/**
 * Hosts of remote agents in a table: one partition, for there are few, each beats rarely, and a process
 * remembers what it has read for those who need not know the newest.
 */
export function dynamoHosts(table: Table, { now }: { now(): Date }): AgentHosts {
  const read = async (agent: string) => {
    const item = await table.get(hostKey(agent));
    return item === undefined ? undefined : hostOf(item);
  };
  return {
    beat: (host) => beat(table, host),
    async list() {
      const items = table.query({ where: "#pk = :pk", values: { pk: "hosts" }, pageSize: 500 });
      return (await Array.fromAsync(items)).map(hostOf);
    },
    get: remembered(read, now),
  };
}

/** Reads again only what is older than it may be. What is being read is waited for. */
function remembered(
  read: (agent: string) => Promise<AgentHost | undefined>,
  now: () => Date,
): AgentHosts["get"] {
  const readings = boundedMap<{ readonly host: ReturnType<typeof read>; readonly at: number }>(
    MOST,
  );
  return async (agent, maxAgeMs = 0) => {
    const at = now().getTime();
    const last = readings.get(agent);
    if (last !== undefined && at - last.at < maxAgeMs) return await last.host;
    const reading = { host: read(agent), at };
    readings.put(agent, reading);
    try {
      return await reading.host;
    } catch (error) {
      if (readings.get(agent) === reading) readings.delete(agent);
      throw error;
    }
  };
}

/** A beat whose answer was lost and that is written again says the same. */
async function beat(table: Table, host: Beat): Promise<AgentHost> {
  const key = hostKey(host.agent);
  const set = itemOf(host);
  const own = { key, set, condition: "attribute_not_exists(#pk) OR #id = :id" };
  const noted = noteOf(host, await table.update(own));
  if (noted.id === host.id || noted.lastSeen > plus(host.lastSeen, -OFFLINE_AFTER_MS)) return noted;
  const before = {
    before_id: noted.id,
    before_machine: noted.machine,
    before_last_seen: noted.lastSeen,
  };
  const takeOver = {
    key,
    set: { ...set, ...before },
    condition: "#id = :before_id AND #last_seen = :before_last_seen",
  };
  return noteOf(host, await table.update(takeOver));
}

function noteOf({ agent }: Beat, { item }: Written): AgentHost {
  if (item !== undefined) return hostOf(item);
  throw new Error(`a host of agent ${agent} is known, but was not given: try again`);
}

function itemOf({ agent, id, machine, version, startedAt, lastSeen }: Beat): Item {
  return { agent, id, machine, version, started_at: startedAt, last_seen: lastSeen };
}

function hostKey(agent: string): Key {
  return { pk: "hosts", sk: `host#${agent}` };
}

function hostOf(item: Item): AgentHost {
  return {
    agent: textOf(item, "agent"),
    id: textOf(item, "id"),
    machine: textOf(item, "machine"),
    version: textOf(item, "version"),
    startedAt: textOf(item, "started_at"),
    lastSeen: textOf(item, "last_seen"),
    ...("before_id" in item ? { before: beforeOf(item) } : {}),
  };
}

function beforeOf(item: Item): NonNullable<AgentHost["before"]> {
  return {
    id: textOf(item, "before_id"),
    machine: textOf(item, "before_machine"),
    lastSeen: textOf(item, "before_last_seen"),
  };
}
