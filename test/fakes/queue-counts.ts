import type { Sqlite } from "../../src/stores/sqlite/database.ts";
import { timestamp } from "../../src/time.ts";

/** How many messages a queue in a data file has. A message counts in one place only. */
export interface QueueCounts {
  /** Waiting to be received. */
  readonly ready: number;
  /** Waiting for their delay to end. */
  readonly delayed: number;
  /** In the hands of a receiver. */
  readonly inFlight: number;
  /** Received too often; waiting for, or in the hands of, whoever handles the dead. */
  readonly dead: number;
}

/** Looks into a data file. `maxReceives`: as its queue was told. */
export function queueCounts(db: Sqlite, now: Date, maxReceives = 5): QueueCounts {
  const rows = db.rows(SELECT_COUNTS, {
    max: maxReceives,
    now: timestamp(now),
  }) as readonly { readonly place: keyof QueueCounts; readonly n: number }[];
  const none: QueueCounts = { ready: 0, delayed: 0, inFlight: 0, dead: 0 };
  return rows.reduce((all, { place, n }) => ({ ...all, [place]: n }), none);
}

/** In its last delivery a message has been received `max` times and still lives. */
const SELECT_COUNTS = `
  SELECT CASE
      WHEN receives > $max THEN 'dead'
      WHEN receives = $max AND (receipt IS NULL OR visible_at <= $now) THEN 'dead'
      WHEN visible_at <= $now THEN 'ready'
      WHEN receipt IS NULL THEN 'delayed'
      ELSE 'inFlight'
    END AS place, count(*) AS n
  FROM messages GROUP BY place`;
