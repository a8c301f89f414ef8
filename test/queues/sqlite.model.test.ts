import { randomUUID } from "node:crypto";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ReceivedMessage, type ReceivingQueue, sqliteQueue } from "../../src/queues/sqlite.ts";
import { openSqlite, type Sqlite } from "../../src/stores/sqlite/database.ts";
import { type QueueCounts, queueCounts } from "../fakes/queue-counts.ts";

const VISIBILITY_MS = 10_000;
const MAX_RECEIVES = 3;

/** What somebody may do with a queue. `pick` chooses among all receipts there ever were. */
type Step =
  | { readonly type: "send"; readonly delays: readonly number[] }
  | { readonly type: "receive"; readonly max: number }
  | { readonly type: "dead"; readonly max: number }
  | { readonly type: "done"; readonly pick: number }
  | { readonly type: "release"; readonly pick: number; readonly delay: number }
  | { readonly type: "pass"; readonly ms: number };

const delays = fc.constantFrom(0, 1, 5, 900);
const sizes = fc.integer({ min: 1, max: 4 });
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({ type: fc.constant("send"), delays: fc.array(delays, { maxLength: 3 }) }),
    { weight: 3, arbitrary: fc.record({ type: fc.constant("receive"), max: sizes }) },
    fc.record({ type: fc.constant("dead"), max: sizes }),
    fc.record({ type: fc.constant("done"), pick: fc.nat() }),
    {
      weight: 2,
      arbitrary: fc.record({ type: fc.constant("release"), pick: fc.nat(), delay: delays }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        type: fc.constant("pass"),
        ms: fc.constantFrom(1, 999, 1_000, VISIBILITY_MS, 900_000),
      }),
    },
  ),
  { maxLength: 60 },
);

/** What is known of a message, in the plainest words. */
interface Known {
  readonly body: string;
  readonly visibleAt: number;
  readonly receives: number;
  readonly receipt?: string;
}

/** The queue, and beside it what it should hold. */
interface World {
  readonly queue: ReceivingQueue;
  time: number;
  messages: readonly Known[];
  receipts: readonly string[];
  sent: number;
}

describe("sqlite queue", () => {
  it("does what a list of messages would do, in whatever order things happen", async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (todo) => {
        const db = openSqlite(":memory:");
        const world = newWorld(db);
        for (const step of todo) {
          await act(step, world);
          expect(queueCounts(db, new Date(world.time), MAX_RECEIVES)).toStrictEqual(
            countsOf(world),
          );
        }
        db.close();
      }),
      { numRuns: 300 },
    );
  });
});

function newWorld(db: Sqlite): World {
  const options = {
    now: () => new Date(world.time),
    newId: randomUUID,
    visibilityMs: VISIBILITY_MS,
    maxReceives: MAX_RECEIVES,
  };
  const queue = sqliteQueue(db, options);
  const world: World = { queue, time: 0, messages: [], receipts: [], sent: 0 };
  return world;
}

async function act(step: Step, world: World): Promise<void> {
  switch (step.type) {
    case "send":
      return send(step.delays, world);
    case "receive":
      return take(await world.queue.receive(step.max), step, world);
    case "dead":
      return take(await world.queue.dead(step.max), step, world);
    case "done": {
      const receipt = pickOf(world, step.pick);
      await world.queue.done([receipt]);
      world.messages = world.messages.filter((known) => known.receipt !== receipt);
      return;
    }
    case "release": {
      const receipt = pickOf(world, step.pick);
      await world.queue.release(receipt, step.delay);
      world.messages = world.messages.map(({ receipt: held, ...known }) => {
        if (held === receipt) return { ...known, visibleAt: world.time + step.delay * 1_000 };
        return held === undefined ? known : { ...known, receipt: held };
      });
      return;
    }
    case "pass":
      world.time += step.ms;
  }
}

async function send(delays: readonly number[], world: World): Promise<void> {
  const outgoing = delays.map((delaySeconds, index) => ({
    body: `message ${world.sent + index}`,
    delaySeconds,
  }));
  await world.queue.send(outgoing);
  world.sent += outgoing.length;
  const known = outgoing.map(({ body, delaySeconds }) => ({
    body,
    visibleAt: world.time + delaySeconds * 1_000,
    receives: 0,
  }));
  world.messages = [...world.messages, ...known];
}

/** As many as can be had were handed out, each of the right kind; which ones is the queue's choice. */
function take(
  taken: readonly ReceivedMessage[],
  step: { readonly type: "receive" | "dead"; readonly max: number },
  world: World,
): void {
  const wanted = world.messages.filter(
    (known) => known.visibleAt <= world.time && isDead(known) === (step.type === "dead"),
  );
  expect(taken).toHaveLength(Math.min(wanted.length, step.max));
  for (const { body, receipt, receiveCount } of taken) {
    const known = wanted.find((message) => message.body === body);
    expect(receiveCount).toBe((known?.receives ?? Number.NaN) + 1);
    const next = { body, receives: receiveCount, visibleAt: world.time + VISIBILITY_MS, receipt };
    world.messages = world.messages.map((message) => (message.body === body ? next : message));
    world.receipts = [...world.receipts, receipt];
  }
  expect(new Set(taken.map(({ body }) => body)).size).toBe(taken.length);
}

function isDead({ receives }: Known): boolean {
  return receives >= MAX_RECEIVES;
}

function pickOf({ receipts }: World, pick: number): string {
  return receipts[pick % Math.max(1, receipts.length)] ?? "no receipt yet";
}

function countsOf({ messages, time }: World): QueueCounts {
  const counts = { ready: 0, delayed: 0, inFlight: 0, dead: 0 };
  for (const message of messages) {
    const held = message.receipt !== undefined && message.visibleAt > time;
    const lastDelivery = message.receives === MAX_RECEIVES && held;
    if (isDead(message) && !lastDelivery) counts.dead += 1;
    else if (held) counts.inFlight += 1;
    else if (message.visibleAt > time) counts.delayed += 1;
    else counts.ready += 1;
  }
  return counts;
}
