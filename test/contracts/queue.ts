import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PermanentError } from "../../src/errors.ts";
import { MAX_MESSAGE_BYTES } from "../../src/queues/checks.ts";
import { buries } from "./queue-dead.ts";
import { finishes, releases } from "./queue-handling.ts";
import {
  type QueueHarness,
  type QueueTraits,
  takeAll,
  takeDead,
  takeOne,
} from "./queue-harness.ts";

/** The promises every queue keeps, together with its receiving side. */
export function queueContract(name: string, traits: QueueTraits): void {
  describe(`${name} queue`, () => {
    let harness: QueueHarness;
    beforeEach(async () => {
      harness = await traits.open();
    });
    afterEach(() => harness.close());
    const current = () => harness;

    sends(current, traits);
    receives(current, traits);
    finishes(current, traits);
    releases(current, traits);
    buries(current, traits);
  });
}

function sends(current: () => QueueHarness, traits: QueueTraits): void {
  describe("send", () => {
    it("puts a message on the queue, letter for letter", async () => {
      const { queue, reopen } = current();
      const body = JSON.stringify({ text: 'größe 🦦 \u0001 " \\ \n', run_id: "a" });

      await queue.send([{ body }]);

      expect(await takeOne(reopen())).toMatchObject({ body, receiveCount: 1 });
    });

    it("puts many messages on the queue, each under an id of its own", async () => {
      const { queue } = current();
      const bodies = Array.from({ length: 25 }, (_, index) => `message ${index}`);

      await queue.send(bodies.map((body) => ({ body })));

      const received = await takeAll(queue);
      expect(received.map(({ body }) => body).sort()).toStrictEqual(bodies.sort());
      expect(new Set(received.map(({ id }) => id)).size).toBe(25);
    });

    it("keeps apart two messages of one body", async () => {
      const { queue } = current();

      await queue.send([{ body: "same" }]);
      await queue.send([{ body: "same" }]);

      expect(await takeAll(queue)).toHaveLength(2);
    });

    it("does nothing for no messages", async () => {
      const { queue } = current();

      await queue.send([]);

      expect(await takeAll(queue)).toStrictEqual([]);
    });

    it("hides a message until its delay is over", async () => {
      const { queue, pass } = current();
      await queue.send([{ body: "later", delaySeconds: traits.delaySeconds }, { body: "now" }]);

      expect((await takeOne(queue)).body).toBe("now");
      await pass(traits.delaySeconds * 1_000);

      expect((await takeAll(queue)).map(({ body }) => body)).toContain("later");
    });

    it("takes the longest delay and the shortest", async () => {
      const { queue } = current();

      await queue.send([
        { body: "in a quarter of an hour", delaySeconds: 900 },
        { body: "now", delaySeconds: 0 },
      ]);

      expect((await takeOne(queue)).body).toBe("now");
    });

    it.each([901, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])(
      "refuses a delay of %s seconds, and sends nothing",
      async (delaySeconds) => {
        const { queue } = current();

        const error = await refusal(queue.send([{ body: "good" }, { body: "bad", delaySeconds }]));

        expect(error).toMatchObject({ code: "invalid" });
        expect(await takeAll(queue)).toStrictEqual([]);
      },
    );

    it("takes a body of the largest size", async () => {
      const { queue } = current();
      const body = "a".repeat(MAX_MESSAGE_BYTES);

      await queue.send([{ body }, { body }]);

      const received = await takeAll(queue);
      expect(received.map((message) => message.body === body)).toStrictEqual([true, true]);
    });

    it.each(["a", "é", "🦦"])(
      "refuses a body over the limit, in bytes, and sends nothing: %s",
      async (letter) => {
        const { queue } = current();
        const body = letter.repeat(MAX_MESSAGE_BYTES / Buffer.byteLength(letter)) + letter;

        const error = await refusal(queue.send([{ body: "good" }, { body }]));

        expect(error).toMatchObject({ code: "too_large" });
        expect(await takeAll(queue)).toStrictEqual([]);
      },
    );
  });
}

function receives(current: () => QueueHarness, traits: QueueTraits): void {
  describe("receive", () => {
    it("hands out nothing where nothing was sent", async () => {
      expect(await current().queue.receive(10)).toStrictEqual([]);
    });

    it("hands out as many as asked for, or fewer", async () => {
      const { queue } = current();
      await queue.send(Array.from({ length: 8 }, (_, index) => ({ body: `${index}` })));

      const first = await queue.receive(3);
      const rest = await takeAll(queue);

      expect(first.length).toBeLessThanOrEqual(3);
      expect(first.length + rest.length).toBe(8);
    });

    it("hides a message from everybody while it is being handled", async () => {
      const { queue, reopen } = current();
      await queue.send([{ body: "mine" }]);
      await takeOne(queue);

      expect(await takeAll(queue)).toStrictEqual([]);
      expect(await takeAll(reopen())).toStrictEqual([]);
      expect(await takeDead(queue)).toStrictEqual([]);
    });

    it("hands out again what was not handled in time, and counts", async () => {
      const { queue, reopen, pass } = current();
      await queue.send([{ body: "again" }]);
      const first = await takeOne(queue);

      await pass(traits.visibilityMs);
      const second = await takeOne(reopen());

      expect(second).toMatchObject({ id: first.id, body: "again", receiveCount: 2 });
      expect(second.receipt).not.toBe(first.receipt);
    });

    it("hands out each message to one of many receivers at the same time", async () => {
      const { queue, reopen } = current();
      const other = reopen();
      await queue.send(Array.from({ length: 50 }, (_, index) => ({ body: `${index}` })));

      const taken = await Promise.all(
        Array.from({ length: 10 }, (_, index) => takeAll(index % 2 === 0 ? queue : other)),
      );

      const ids = taken.flat().map(({ id }) => id);
      expect(ids).toHaveLength(50);
      expect(new Set(ids).size).toBe(50);
    });
  });
}

async function refusal(call: Promise<unknown>): Promise<unknown> {
  const error: unknown = await call.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(PermanentError);
  return error;
}
