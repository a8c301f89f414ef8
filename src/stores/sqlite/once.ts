import type { Once } from "../../registry.ts";
import { plus, timestamp } from "../../time.ts";
import type { Sqlite } from "./database.ts";

/** What `once` needs from outside, and how patient it is. */
export interface OnceOptions {
  now(): Date;
  /** A new identifier nobody else has. */
  newId(): string;
  /** Resolves after `ms` milliseconds. */
  sleep(ms: number): Promise<void>;
  /**
   * How long a maker is believed to be alive, in milliseconds; then another one takes over. It must be
   * longer than any making takes, or something may be made twice. Default: 60,000.
   */
  readonly leaseMs?: number;
  /** How long a caller waits for other makers before it throws, in milliseconds. Default: 180,000. */
  readonly waitMs?: number;
}

/** The default of `leaseMs`. */
export const LEASE_MS = 60_000;
const WAIT_MS = 180_000;
/** How often a waiting caller looks whether the value is there. */
const LOOK_EVERY_MS = 50;

/**
 * Makes a value once for all processes that share a data file: whoever writes the claim makes it, the
 * others look again and again. A maker that fails gives its claim back, one that died loses it with
 * the lease. If two make the same after all, everybody gets the value that was stored first.
 */
export function sqliteOnce(db: Sqlite, options: OnceOptions): Once {
  return async (key, make) => {
    const call = { db, key, by: options.newId() };
    const waitMs = options.waitMs ?? WAIT_MS;
    const giveUp = plus(timestamp(options.now()), waitMs);
    for (;;) {
      const claim = claimOf(call, options);
      if (claim.type === "made") return claim.value;
      if (claim.type === "ours") return makeAndKeep(call, make);
      if (timestamp(options.now()) >= giveUp) {
        throw new Error(`${key} is still being made by others after ${waitMs} ms: try again later`);
      }
      await options.sleep(LOOK_EVERY_MS);
    }
  };
}

type Claim =
  | { readonly type: "made"; readonly value: string }
  | { readonly type: "ours" }
  | { readonly type: "others" };

/** One call of a `once`. */
interface Call {
  readonly db: Sqlite;
  readonly key: string;
  /** An identifier of its own. */
  readonly by: string;
}

function claimOf({ db, key, by }: Call, options: OnceOptions): Claim {
  const now = timestamp(options.now());
  // Looking takes no lock, so those who wait do not hold up those who write.
  const seen = look(db, key, now);
  if (seen.type !== "ours") return seen;
  return db.transaction(() => {
    const claim = look(db, key, now);
    if (claim.type === "ours") {
      db.run(CLAIM, { key, by, until: plus(now, options.leaseMs ?? LEASE_MS) });
    }
    return claim;
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

async function makeAndKeep({ db, key, by }: Call, make: () => Promise<string>): Promise<string> {
  try {
    return keep(db, key, await make());
  } catch (error) {
    db.run("DELETE FROM made_once WHERE key = $key AND claimed_by = $by AND value IS NULL", {
      key,
      by,
    });
    throw error;
  }
}

/** Stores a value unless there is one, and returns the one that is stored. */
function keep(db: Sqlite, key: string, value: string): string {
  const rows = db.rows(
    `INSERT INTO made_once (key, value, claimed_by, claimed_until) VALUES ($key, $value, '', '')
     ON CONFLICT (key) DO UPDATE SET value = coalesce(made_once.value, excluded.value)
     RETURNING value`,
    { key, value },
  ) as readonly { value: string }[];
  return rows[0]?.value ?? value;
}
