import { type AgentHost, type AgentHosts, type Beat, OFFLINE_AFTER_MS } from "../../hosts.ts";
import { plus } from "../../time.ts";
import type { Sqlite } from "./database.ts";

/** Hosts of remote agents in a data file. */
export function sqliteHosts(db: Sqlite): AgentHosts {
  return {
    beat: async (host) => beat(db, host),
    list: async () =>
      (db.rows("SELECT * FROM agent_hosts ORDER BY agent") as readonly HostRow[]).map(hostOf),
    get: async (agent) => hostIn(db, agent),
  };
}

function hostIn(db: Sqlite, agent: string): AgentHost | undefined {
  const rows = db.rows("SELECT * FROM agent_hosts WHERE agent = $agent", { agent });
  return (rows as readonly HostRow[]).map(hostOf)[0];
}

interface HostRow {
  readonly agent: string;
  readonly id: string;
  readonly machine: string;
  readonly version: string;
  readonly started_at: string;
  readonly last_seen: string;
  readonly before_id: string | null;
  readonly before_machine: string | null;
  readonly before_last_seen: string | null;
}

function beat(db: Sqlite, host: Beat): AgentHost {
  const { agent, id, machine, version } = host;
  return db.transaction(() => {
    db.run(BEAT, {
      agent,
      id,
      machine,
      version,
      started_at: host.startedAt,
      last_seen: host.lastSeen,
      offline: plus(host.lastSeen, -OFFLINE_AFTER_MS),
    });
    return hostIn(db, agent) ?? host;
  });
}

const BEAT = `
  INSERT INTO agent_hosts (agent, id, machine, version, started_at, last_seen)
  VALUES ($agent, $id, $machine, $version, $started_at, $last_seen)
  ON CONFLICT (agent) DO UPDATE SET id = excluded.id, machine = excluded.machine,
    version = excluded.version, started_at = excluded.started_at, last_seen = excluded.last_seen,
    before_id = iif(id = excluded.id, before_id, id),
    before_machine = iif(id = excluded.id, before_machine, machine),
    before_last_seen = iif(id = excluded.id, before_last_seen, last_seen)
  WHERE agent_hosts.id = excluded.id OR agent_hosts.last_seen <= $offline`;

function hostOf({
  agent,
  id,
  machine,
  version,
  started_at,
  last_seen,
  ...row
}: HostRow): AgentHost {
  const host = { agent, id, machine, version, startedAt: started_at, lastSeen: last_seen };
  const { before_id, before_machine, before_last_seen } = row;
  if (before_id === null || before_machine === null || before_last_seen === null) return host;
  return {
    ...host,
    before: { id: before_id, machine: before_machine, lastSeen: before_last_seen },
  };
}
