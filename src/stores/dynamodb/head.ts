import { dueAt } from "../../due.ts";
import { isFinal, type Run, type RunState } from "../../run.ts";
import { between, SECOND, type Timestamp } from "../../time.ts";
import { type Item, textOf } from "./item.ts";
import { createdAtOf, dueShard, recentAt, runIdOf } from "./keys.ts";

const DAY_MS = 86_400 * SECOND;

/** What of a head changes with every write. */
export interface HeadColumns {
  readonly set: Item;
  /** Attributes the head must not have. */
  readonly remove: readonly string[];
}

/**
 * The columns of a head. `head` is JSON of all that no other attribute says: DynamoDB's own numbers and
 * maps cannot hold all that JSON can. Only an unfinished run is in the index `due`; a final one expires
 * `keepDays` after its end.
 */
export function headColumns(run: Run, keepDays: number | undefined): HeadColumns {
  const { id, createdAt: _, revision, ...head } = run;
  const due = dueAt(run.state, run.since);
  const expires = expiresAt(run.state, run.since, keepDays);
  return {
    set: {
      head: JSON.stringify(head),
      revision,
      ...(due === undefined ? {} : { due_shard: dueShard(run.place, id), due_at: due }),
      ...(expires === undefined ? {} : { expires_at: expires }),
    },
    remove: due === undefined ? ["due_shard", "due_at"] : [],
  };
}

/** The run of a head, as the table or an index gives it. */
export function runOf(item: Item): Run {
  return {
    id: runIdOf({ pk: textOf(item, "pk") }),
    ...(JSON.parse(textOf(item, "head")) as Omit<Run, "id" | "createdAt" | "revision">),
    createdAt: createdAtOf(textOf(item, "recent_at")),
    revision: Number(item["revision"]),
  };
}

/** When a run may be forgotten, in seconds since 1970, as time to live wants it. */
export function expiresAt(
  state: RunState,
  since: Timestamp,
  keepDays: number | undefined,
): number | undefined {
  if (keepDays === undefined || !isFinal(state)) return undefined;
  const end = between("1970-01-01T00:00:00.000Z", since);
  return Math.floor((end + keepDays * DAY_MS) / SECOND);
}

/** The attributes that place a run in the index `recent`; they never change. */
export function recentColumns(run: Run, shard: string): Item {
  return { recent_shard: shard, recent_at: recentAt(run.createdAt, run.id) };
}
