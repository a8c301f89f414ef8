import { plus, SECOND, type Timestamp } from "../../time.ts";
import type { Sqlite } from "./database.ts";

/** Who works on the messages of a data file for as long as it is told to. */
export interface Dispatchers {
  /** Notes that a dispatcher is at work at this moment. */
  beat(id: string, now: Timestamp): void;
  /** Forgets a dispatcher that works no more. */
  leave(id: string): void;
  /** Whether any dispatcher was at work within the last 10 seconds. */
  present(now: Timestamp): boolean;
}

/** A dispatcher that was killed cannot say so: after this time without a beat it counts as gone. */
const GONE_AFTER_MS = 10 * SECOND;

/** The dispatchers at work on a data file, as they noted it there themselves. */
export function sqliteDispatchers(db: Sqlite): Dispatchers {
  return {
    beat(id, now) {
      db.run(BEAT, { id, now });
    },
    leave(id) {
      db.run("DELETE FROM dispatchers WHERE id = $id", { id });
    },
    present(now) {
      const since = plus(now, -GONE_AFTER_MS);
      return db.rows("SELECT id FROM dispatchers WHERE last_seen > $since", { since }).length > 0;
    },
  };
}

const BEAT = `
  INSERT INTO dispatchers (id, last_seen) VALUES ($id, $now)
  ON CONFLICT (id) DO UPDATE SET last_seen = excluded.last_seen`;
