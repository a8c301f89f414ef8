import { randomUUID } from "node:crypto";
import { expect, it } from "vitest";
import { sqliteQueue } from "../../src/queues/sqlite.ts";
import { openSqlite } from "../../src/stores/sqlite/database.ts";
import { queueContract } from "../contracts/queue.ts";
import { takeAll, takeDead, takeOne } from "../contracts/queue-harness.ts";
import { openFile } from "../stores/sqlite-file.ts";

const VISIBILITY_MS = 30_000;
const MAX_RECEIVES = 3;

queueContract("sqlite", {
  visibilityMs: VISIBILITY_MS,
  delaySeconds: 60,
  maxReceives: MAX_RECEIVES,
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

it("hides a message for five minutes and buries it after five deliveries by default", async () => {
  const db = openSqlite(":memory:");
  let time = 0;
  const queue = sqliteQueue(db, { now: () => new Date(time), newId: randomUUID });
  await queue.send([{ body: "poison" }]);

  for (let delivery = 1; delivery <= 5; delivery++) {
    await takeOne(queue);
    time += 299_999;
    expect(await takeAll(queue)).toStrictEqual([]);
    expect(await takeDead(queue)).toStrictEqual([]);
    time += 1;
  }

  expect(await takeDead(queue)).toHaveLength(1);
  db.close();
});
