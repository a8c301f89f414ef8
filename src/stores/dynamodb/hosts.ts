import { type AgentHost, type AgentHosts, OFFLINE_AFTER_MS } from "../../hosts.ts";
import { plus } from "../../time.ts";
import { type Item, textOf } from "./item.ts";
import type { Key, Table } from "./table.ts";

/** Hosts of remote agents in a table: one partition, for there are few and each beats rarely. */
export function dynamoHosts(table: Table): AgentHosts {
  return {
    beat: (host) => beat(table, host),
    async list() {
      const items = table.query({ where: "#pk = :pk", values: { pk: "hosts" }, pageSize: 500 });
      return (await Array.fromAsync(items)).map(hostOf);
    },
  };
}

/** A beat whose answer was lost and that is written again says the same. */
async function beat(table: Table, host: AgentHost): Promise<AgentHost> {
  const { agent, id, machine, version, startedAt, lastSeen } = host;
  const written = await table.update({
    key: hostKey(agent),
    set: { agent, id, machine, version, started_at: startedAt, last_seen: lastSeen },
    condition: "attribute_not_exists(#pk) OR #id = :id OR #last_seen <= :offline",
    values: { offline: plus(lastSeen, -OFFLINE_AFTER_MS) },
  });
  if (written.item === undefined) {
    throw new Error(`a host of agent ${agent} is known, but was not given: try again`);
  }
  return hostOf(written.item);
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
  };
}
