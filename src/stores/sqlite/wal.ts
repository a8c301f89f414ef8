import type { DatabaseSync } from "node:sqlite";

/** How often the switch is tried, and how long in milliseconds after each: ten seconds in all. */
const TRIES = 500;
const PAUSE_MS = 20;

/** `SQLITE_BUSY`: another process holds a lock. */
const BUSY = 5;

/**
 * Makes a data file write ahead, so that whoever reads does not wait for whoever writes; it stays so.
 *
 * Where another process writes the same new file just now SQLite fails at once, whatever the timeout of the
 * connection, since for this switch it does not wait from within a read. So it is tried again, `pause`
 * apart. The connection should have no timeout yet, or each try may take that long. Throws what SQLite
 * throws, when ten seconds are over.
 */
export function writeAhead(database: DatabaseSync, pause: (ms: number) => void = block): void {
  for (let left = TRIES; ; left -= 1) {
    try {
      database.exec("PRAGMA journal_mode = WAL");
      return;
    } catch (error) {
      if (left <= 1 || !isBusy(error)) throw error;
    }
    pause(PAUSE_MS);
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && error.errcode === BUSY;
}

/** A file is opened synchronously, so this thread has nothing else to do meanwhile. */
function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
