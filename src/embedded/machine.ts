import { setTimeout as sleep } from "node:timers/promises";
import type { App } from "../app.ts";
import type { Machine } from "../backend.ts";
import { remember } from "../remember.ts";
import type { Sqlite } from "../stores/sqlite/database.ts";
import { sqliteRegistry } from "../stores/sqlite/flows.ts";
import { SECOND } from "../time.ts";

/** How old an answer about other machines may be: it is asked for with every look at a job of theirs. */
const KEPT_MS = 5 * SECOND;

/**
 * This machine, as its data folder knows it: what tells it from all others is made when it is first
 * needed, and so is the file it is kept in. `othersLost` says whether all machines but that of this id are
 * given up.
 */
export function machineOn(
  open: () => Sqlite,
  { now, newId }: Pick<App, "now" | "newId">,
  othersLost: (id: string) => Promise<boolean>,
): Machine {
  const outside = { now, newId, sleep: (ms: number) => sleep(ms) };
  const id = () => sqliteRegistry(open(), outside).once("host id", async () => newId());
  const lost = remember(othersLost, { now, lifetimeMs: () => KEPT_MS });
  return { id, othersLost: async () => lost.get(await id()) };
}
