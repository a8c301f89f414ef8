import { randomUUID } from "node:crypto";
import { sqliteQueue } from "../../src/queues/sqlite.ts";
import { queueContract } from "../contracts/queue.ts";
import { openFile } from "../stores/sqlite-file.ts";

const VISIBILITY_MS = 30_000;
const MAX_RECEIVES = 3;

queueContract("sqlite", {
  visibilityMs: VISIBILITY_MS,
  delaySeconds: 60,
  maxReceives: MAX_RECEIVES,
  exactCounts: true,
  open() {
    const file = openFile();
    let time = Date.parse("2026-11-21T12:00:00.000Z");
    const options = {
      now: () => new Date(time),
      newId: randomUUID,
      visibilityMs: VISIBILITY_MS,
      maxReceives: MAX_RECEIVES,
    };
    return {
      queue: sqliteQueue(file.db, options),
      reopen: () => sqliteQueue(file.reopen(), options),
      pass(ms) {
        time += ms;
      },
      close: file.close,
    };
  },
});
