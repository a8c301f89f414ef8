import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { OnceOptions } from "../../src/stores/once.ts";
import { sqliteOnce } from "../../src/stores/sqlite/once.ts";
import { START } from "../contracts/store-samples.ts";
import { openFile, type TestFile } from "./sqlite-file.ts";

describe("once", () => {
  let file: TestFile;
  let time = 0;
  beforeEach(() => {
    file = openFile();
    time = Date.parse(START);
  });
  afterEach(() => file.close());
  const options = (patience: Pick<OnceOptions, "leaseMs" | "waitMs"> = {}): OnceOptions => ({
    now: () => new Date(time),
    newId: randomUUID,
    sleep: async (ms) => {
      time += ms;
    },
    ...patience,
  });

  it("gives up waiting for a maker after a while, and says for what", async () => {
    const once = sqliteOnce(file.db, options({ leaseMs: 600_000, waitMs: 5_000 }));
    void once("slow thing", () => new Promise<string>(() => {}));

    await expect(once("slow thing", async () => "made")).rejects.toThrow(
      "slow thing is still being made by others after 5000 ms",
    );
    expect(time).toBe(Date.parse(START) + 5_000);
  });

  it("says why making failed, also where the claim cannot be given back; it ends by itself", async () => {
    const fault = new Error("too many at once");
    const broken = sqliteOnce(file.db, options());

    const failed = broken("key", () => {
      file.db.close();
      return Promise.reject(fault);
    });

    await expect(failed).rejects.toBe(fault);
    const once = sqliteOnce(file.reopen(), options());
    expect(await once("key", async () => "made")).toBe("made");
    expect(time).toBe(Date.parse(START) + 60_000);
  });
});
