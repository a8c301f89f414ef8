import { describe, expect, it } from "vitest";
import { PermanentError } from "../../src/errors.ts";
import {
  type QueueHarness,
  type QueueTraits,
  takeAll,
  takeDead,
  takeOne,
} from "./queue-harness.ts";

export function finishes(current: () => QueueHarness, traits: QueueTraits): void {
  describe("done", () => {
    it("removes a message for good", async () => {
      const { queue, pass } = current();
      await queue.send([{ body: "a" }]);

      await queue.done([(await takeOne(queue)).receipt]);
      await pass(traits.visibilityMs);

      expect(await takeAll(queue)).toStrictEqual([]);
      expect(await takeDead(queue)).toStrictEqual([]);
    });

    it("removes exactly the messages whose receipts it is given", async () => {
      const { queue, pass } = current();
      await queue.send(Array.from({ length: 15 }, (_, index) => ({ body: `${index}` })));
      const all = await takeAll(queue);
      const handled = all.slice(0, 12);

      await queue.done(handled.map(({ receipt }) => receipt));
      await pass(traits.visibilityMs);

      const left = (await takeAll(queue)).map(({ id }) => id);
      const expected = all.slice(12).map(({ id }) => id);
      expect(left.sort()).toStrictEqual(expected.sort());
    });

    it("may be said twice, and of nothing", async () => {
      const { queue } = current();
      await queue.send([{ body: "a" }]);
      const { receipt } = await takeOne(queue);

      await queue.done([receipt]);
      await queue.done([receipt]);
      await queue.done([]);

      expect(await takeAll(queue)).toStrictEqual([]);
    });

    it("removes a message late, as long as nobody else has received it", async () => {
      const { queue, pass } = current();
      await queue.send([{ body: "a" }]);
      const { receipt } = await takeOne(queue);
      await pass(traits.visibilityMs);

      await queue.done([receipt]);

      expect(await takeAll(queue)).toStrictEqual([]);
    });

    it("removes nothing for a receipt that somebody else's has replaced", async () => {
      const { queue, reopen, pass } = current();
      await queue.send([{ body: "a" }]);
      const late = await takeOne(queue);
      await pass(traits.visibilityMs);
      const next = await takeOne(reopen());

      await queue.done([late.receipt]);
      await pass(traits.visibilityMs);

      expect(await takeOne(queue)).toMatchObject({ id: next.id, receiveCount: 3 });
    });
  });
}

export function releases(current: () => QueueHarness, traits: QueueTraits): void {
  describe("release", () => {
    it("hands a message out again at once", async () => {
      const { queue, reopen } = current();
      await queue.send([{ body: "a" }]);
      const first = await takeOne(queue);

      await queue.release(first.receipt);

      expect(await takeOne(reopen())).toMatchObject({ id: first.id, receiveCount: 2 });
    });

    it("hands a message out again after a delay", async () => {
      const { queue, pass } = current();
      await queue.send([{ body: "a" }]);
      const first = await takeOne(queue);

      await queue.release(first.receipt, traits.delaySeconds);

      expect(await takeAll(queue)).toStrictEqual([]);
      await pass(traits.delaySeconds * 1_000);
      expect((await takeOne(queue)).id).toBe(first.id);
    });

    it("does not take a message out of somebody else's hands", async () => {
      const { queue, reopen, pass } = current();
      await queue.send([{ body: "a" }]);
      const late = await takeOne(queue);
      await pass(traits.visibilityMs);
      await takeOne(reopen());

      await queue.release(late.receipt);

      expect(await takeAll(queue)).toStrictEqual([]);
    });

    it("brings back nothing that is done", async () => {
      const { queue } = current();
      await queue.send([{ body: "a" }]);
      const { receipt } = await takeOne(queue);
      await queue.done([receipt]);

      await queue.release(receipt);

      expect(await takeAll(queue)).toStrictEqual([]);
    });

    it.each([901, -1, 1.5])("refuses a delay of %s seconds", async (delaySeconds) => {
      const { queue } = current();
      await queue.send([{ body: "a" }]);
      const { receipt } = await takeOne(queue);

      const error: unknown = await queue
        .release(receipt, delaySeconds)
        .catch((thrown: unknown) => thrown);

      expect(error).toBeInstanceOf(PermanentError);
      expect(await takeAll(queue)).toStrictEqual([]);
    });
  });
}
