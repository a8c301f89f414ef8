import { describe, expect, test } from "vitest";
import { changesIn } from "../../src/aws/changes.ts";
import { openPublisher, publisherOf } from "../../src/aws/publisher.ts";
import { type LogFields, silentLogger } from "../../src/log.ts";
import type { RunState } from "../../src/run.ts";
import { headImage, streamEvent } from "../functions/heads.ts";

const STATE: RunState = { type: "scheduled", start: "2026-11-21T12:00:00.000Z" };
const heads = ["a", "b", "c"].map((id) => ({ NewImage: headImage(id, STATE, 1) }));

describe("a publisher", () => {
  test("tries to end every body, and tells which it could not end and why", async () => {
    const asked: unknown[] = [];
    const lines: { readonly message: string; readonly fields?: LogFields }[] = [];
    const { publish } = publisherOf({
      put: async (details) => details.length,
      async endBody({ pk }) {
        asked.push(pk);
        if (pk === "run#b") throw new Error("too often");
      },
      log: {
        ...silentLogger,
        warn: (message, fields = {}) => void lines.push({ message, fields }),
      },
    });
    expect(await publish(changesIn(streamEvent(...heads).Records))).toBe(1);
    expect(asked).toEqual(["run#a", "run#b", "run#c"]);
    expect(lines).toEqual([
      { message: "body not ended", fields: { runId: "b", reason: "too often" } },
    ]);
  });

  test("that is told of no table is refused before anything is published", () => {
    expect(() => openPublisher({ AWS_REGION: "eu-west-1" }, silentLogger)).toThrow("SLUICE_TABLE");
  });
});
