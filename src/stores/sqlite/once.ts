import type { Once } from "../../registry.ts";
import type { Timestamp } from "../../time.ts";
import { type Claim, type OnceCall, type OnceOptions, onceOver } from "../once.ts";
import type { Sqlite } from "./database.ts";

/** How often a waiting caller looks whether the value is there. */
const LOOK_EVERY_MS = 50;

/** Makes a value once for all processes that share a data file. */
export function sqliteOnce(db: Sqlite, options: OnceOptions): Once {
  return onceOver(
    {
      claim: async (call, { now, until }) => claim(db, { ...call, now, until }),
      keep: async ({ key }, value) => keep(db, key, value),
      giveBack: async ({ key, by }) => {
        db.run(GIVE_BACK, { key, by });
      },
      pauseMs: () => LOOK_EVERY_MS,
    },
    options,
  );
}

const GIVE_BACK = "DELETE FROM made_once WHERE key = $key AND claimed_by = $by AND value IS NULL";

interface Claiming extends OnceCall {
  readonly now: Timestamp;
  readonly until: Timestamp;
}

function claim(db: Sqlite, { key, by, now, until }: Claiming): Claim {
  // Looking takes no lock, so those who wait do not hold up those who write.
  const seen = look(db, key, now);
  if (seen.type !== "ours") return seen;
  return db.transaction(() => {
    const found = look(db, key, now);
    if (found.type === "ours") db.run(CLAIM, { key, by, until });
    return found;
  });
}

const CLAIM = `
  INSERT INTO made_once (key, claimed_by, claimed_until) VALUES ($key, $by, $until)
  ON CONFLICT (key) DO UPDATE SET claimed_by = excluded.claimed_by,
                                  claimed_until = excluded.claimed_until`;

interface OnceRow {
  readonly value: string | null;
  readonly claimed_until: string;
}

function look(db: Sqlite, key: string, now: string): Claim {
  const row = (
    db.rows("SELECT value, claimed_until FROM made_once WHERE key = $key", {
      key,
    }) as readonly OnceRow[]
  )[0];
  if (row === undefined) return { type: "ours" };
  if (row.value !== null) return { type: "made", value: row.value };
  return row.claimed_until <= now ? { type: "ours" } : { type: "others" };
}

function keep(db: Sqlite, key: string, value: string): string {
  const rows = db.rows(KEEP, { key, value }) as readonly { value: string }[];
  return rows[0]?.value ?? value;
}

const KEEP = `
  INSERT INTO made_once (key, value, claimed_by, claimed_until) VALUES ($key, $value, '', '')
  ON CONFLICT (key) DO UPDATE SET value = coalesce(made_once.value, excluded.value)
  RETURNING value`;
