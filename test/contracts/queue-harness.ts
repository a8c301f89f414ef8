import type { ReceivedMessage, ReceivingQueue } from "../../src/queues/sqlite.ts";

/** A queue as the contract needs it; a new and empty one is opened for each test. */
export interface QueueHarness {
  readonly queue: ReceivingQueue;
  /** The same messages through another queue, as another process would open it. */
  readonly reopen: () => ReceivingQueue;
  /** Lets time go by: a fake clock is set forward, with a real one the test waits. */
  readonly pass: (ms: number) => void | Promise<void>;
  readonly close: () => void | Promise<void>;
}

/** What the contract must know of a queue before it is opened. */
export interface QueueTraits {
  /** How long a received message is hidden, in milliseconds. */
  readonly visibilityMs: number;
  /** A delay that tests can afford to wait for, in seconds, from 1 to 900. */
  readonly delaySeconds: number;
  /** The most often a message is delivered before it is dead. */
  readonly maxReceives: number;
  readonly open: () => QueueHarness | Promise<QueueHarness>;
}

/** A queue may hand out fewer messages than it has: how often in a row it must hand out none to have none. */
const EMPTY_ANSWERS = 3;

/** Receives all messages that can be had. */
export function takeAll(queue: ReceivingQueue): Promise<ReceivedMessage[]> {
  return untilEmpty(() => queue.receive(10));
}

/** Receives the only message that can be had. */
export async function takeOne(queue: ReceivingQueue): Promise<ReceivedMessage> {
  return onlyOf(await takeAll(queue));
}

/** Takes all dead messages that can be had. */
export function takeDead(queue: ReceivingQueue): Promise<ReceivedMessage[]> {
  return untilEmpty(() => queue.dead(10));
}

/** Takes the only dead message that can be had. */
export async function takeOneDead(queue: ReceivingQueue): Promise<ReceivedMessage> {
  return onlyOf(await takeDead(queue));
}

async function untilEmpty(
  take: () => Promise<readonly ReceivedMessage[]>,
): Promise<ReceivedMessage[]> {
  const all: ReceivedMessage[] = [];
  for (let empty = 0; empty < EMPTY_ANSWERS; ) {
    const some = await take();
    all.push(...some);
    empty = some.length === 0 ? empty + 1 : 0;
  }
  return all;
}

function onlyOf(messages: readonly ReceivedMessage[]): ReceivedMessage {
  const [message] = messages;
  if (message !== undefined && messages.length === 1) return message;
  throw new Error(`expected one message, got ${messages.length}`);
}
