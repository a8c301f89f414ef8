import { describe, expect, it } from "vitest";
import type { ReceivedMessage } from "../../src/queues/sqlite.ts";
import {
  type QueueHarness,
  type QueueTraits,
  takeAll,
  takeDead,
  takeOne,
  takeOneDead,
} from "./queue-harness.ts";

export function buries(current: () => QueueHarness, traits: QueueTraits): void {
  const { maxReceives, visibilityMs } = traits;

  describe("dead", () => {
    it("hands out nothing where nothing is dead", async () => {
      const { queue } = current();
      await queue.send([{ body: "a" }]);

      expect(await takeDead(queue)).toStrictEqual([]);
    });

    it(`hands out a message after ${maxReceives} deliveries, and not before`, async () => {
      const { queue, pass } = current();
      await queue.send([{ body: "poison" }]);

      for (let delivery = 1; delivery <= maxReceives; delivery++) {
        expect(await takeDead(queue)).toStrictEqual([]);
        expect(await takeOne(queue)).toMatchObject({ receiveCount: delivery });
        expect(await takeDead(queue)).toStrictEqual([]);
        await pass(visibilityMs);
      }

      expect(await takeAll(queue)).toStrictEqual([]);
      expect(await takeOneDead(queue)).toMatchObject({ body: "poison" });
    });

    it("counts deliveries that were given back", async () => {
      const { queue } = current();
      await queue.send([{ body: "poison" }]);

      for (let delivery = 1; delivery <= maxReceives; delivery++) {
        await queue.release((await takeOne(queue)).receipt);
      }

      expect(await takeAll(queue)).toStrictEqual([]);
      expect((await takeOneDead(queue)).body).toBe("poison");
    });

    it("keeps the id of a message", async () => {
      const { id, dead } = await kill(current(), traits);

      expect(dead.id).toBe(id);
    });

    it("leaves a message alone that is done in its last delivery", async () => {
      const { queue, pass } = current();
      await queue.send([{ body: "a" }]);
      for (let delivery = 1; delivery < maxReceives; delivery++) {
        await queue.release((await takeOne(queue)).receipt);
      }

      await queue.done([(await takeOne(queue)).receipt]);
      await pass(visibilityMs);

      expect(await takeAll(queue)).toStrictEqual([]);
      expect(await takeDead(queue)).toStrictEqual([]);
    });

    it("hides a dead message while it is being handled, and hands it out again", async () => {
      const { dead } = await kill(current(), traits);
      const { queue, reopen, pass } = current();

      expect(await takeDead(reopen())).toStrictEqual([]);
      await pass(visibilityMs);

      expect(await takeAll(queue)).toStrictEqual([]);
      expect((await takeOneDead(reopen())).id).toBe(dead.id);
    });

    it("forgets a dead message that is done", async () => {
      const { dead } = await kill(current(), traits);
      const { queue, pass } = current();

      await queue.done([dead.receipt]);
      await pass(visibilityMs);

      expect(await takeAll(queue)).toStrictEqual([]);
      expect(await takeDead(queue)).toStrictEqual([]);
    });

    it("takes nothing but the message that was received too often", async () => {
      await kill(current(), traits);
      const { queue } = current();

      await queue.send([{ body: "healthy" }]);

      expect(await takeOne(queue)).toMatchObject({ body: "healthy", receiveCount: 1 });
    });
  });
}

/** Sends a message and receives it until it is dead. */
async function kill(
  { queue }: QueueHarness,
  { maxReceives }: QueueTraits,
): Promise<{ id: string; dead: ReceivedMessage }> {
  await queue.send([{ body: "poison" }]);
  let id = "";
  for (let delivery = 1; delivery <= maxReceives; delivery++) {
    const message = await takeOne(queue);
    id = message.id;
    await queue.release(message.receipt);
  }
  // SQS moves a message to the dead only when somebody asks for the living.
  await takeAll(queue);
  return { id, dead: await takeOneDead(queue) };
}
