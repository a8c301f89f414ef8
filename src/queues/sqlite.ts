import type { Message, OutgoingMessage, Queue } from "../queue.ts";
import type { Sqlite } from "../stores/sqlite/database.ts";
import { plus, SECOND, timestamp } from "../time.ts";
import { checkDelay, checkSize } from "./checks.ts";

/** A message in the hands of a receiver. */
export interface ReceivedMessage extends Message {
  /** Proves that it is this receiver who has it; worthless once the message is handed out again. */
  readonly receipt: string;
  /** How often it has been handed out, this time included. */
  readonly receiveCount: number;
}

/**
 * A queue with its receiving side. A message is handed out at least once, and to nobody else while it is
 * being handled. Who handled it says `done`; whoever cannot says `release`, or says nothing, and the
 * message comes back. One that was received too often comes back among the dead only.
 */
export interface ReceivingQueue extends Queue {
  /** Takes up to `max` messages, which stay hidden for the queue's visibility time. */
  receive(max: number): Promise<readonly ReceivedMessage[]>;
  /** Removes messages, living or dead. A receipt that is no longer valid removes nothing. */
  done(receipts: readonly string[]): Promise<void>;
  /** Gives a message back, to be handed out again after a delay: 0 (default) to 900 seconds. */
  release(receipt: string, delaySeconds?: number): Promise<void>;
  /** Takes up to `max` dead messages, on the same terms. They stay until they are `done`. */
  dead(max: number): Promise<readonly ReceivedMessage[]>;
}

/** What the queue needs from outside, and its settings. */
export interface QueueOptions {
  now(): Date;
  /** A new identifier nobody else has. */
  newId(): string;
  /**
   * How long a received message is hidden, in milliseconds: longer than handling one may take.
   * Default: 300,000.
   */
  readonly visibilityMs?: number;
  /** The most often a message is delivered before it counts as dead. Default: 5. */
  readonly maxReceives?: number;
}

const VISIBILITY_MS = 300_000;
const MAX_RECEIVES = 5;

/** A queue in a data file, with the promises of SQS. */
export function sqliteQueue(db: Sqlite, options: QueueOptions): ReceivingQueue {
  const maxReceives = options.maxReceives ?? MAX_RECEIVES;
  return {
    send: async (messages) => send(db, messages, options),
    receive: async (max) => take(db, { from: 0, to: maxReceives - 1, max }, options),
    done: async (receipts) => done(db, receipts),
    release: async (receipt, delaySeconds = 0) => {
      checkDelay(delaySeconds);
      const visibleAt = plus(timestamp(options.now()), delaySeconds * SECOND);
      db.run(RELEASE, { receipt, visible_at: visibleAt });
    },
    dead: async (max) => take(db, { from: maxReceives, to: Number.MAX_SAFE_INTEGER, max }, options),
  };
}

const RELEASE =
  "UPDATE messages SET receipt = NULL, visible_at = $visible_at WHERE receipt = $receipt";

/** All messages are checked before the first is stored, and stored together. */
function send(db: Sqlite, messages: readonly OutgoingMessage[], options: QueueOptions): void {
  if (messages.length === 0) return;
  const now = timestamp(options.now());
  const rows = messages.map(({ body, delaySeconds = 0 }) => {
    checkDelay(delaySeconds);
    checkSize(body);
    return { id: options.newId(), body, visible_at: plus(now, delaySeconds * SECOND) };
  });
  db.transaction(() => rows.forEach((row) => db.run(SEND, row)));
}

const SEND =
  "INSERT INTO messages (id, body, visible_at, receives) VALUES ($id, $body, $visible_at, 0)";

/** Which messages to take: those received at least `from` and at most `to` times. */
interface Taking {
  readonly from: number;
  readonly to: number;
  readonly max: number;
}

interface MessageRow {
  readonly number: number;
  readonly id: string;
  readonly body: string;
  readonly receives: number;
}

function take(db: Sqlite, taking: Taking, options: QueueOptions): ReceivedMessage[] {
  const now = timestamp(options.now());
  const values = { ...taking, now };
  // An empty queue is looked at every second; looking takes no lock and writes nothing.
  if (db.rows(SELECT_VISIBLE, { ...values, max: 1 }).length === 0) return [];
  const visibleAt = plus(now, options.visibilityMs ?? VISIBILITY_MS);
  return db.transaction(() =>
    (db.rows(SELECT_VISIBLE, values) as readonly MessageRow[]).map(
      ({ number, id, body, receives }) => {
        const receipt = options.newId();
        db.run(HIDE, { number, receipt, visible_at: visibleAt });
        return { id, body, receipt, receiveCount: receives + 1 };
      },
    ),
  );
}

const SELECT_VISIBLE = `
  SELECT number, id, body, receives FROM messages
  WHERE visible_at <= $now AND receives BETWEEN $from AND $to
  ORDER BY visible_at, number
  LIMIT $max`;

const HIDE = `
  UPDATE messages SET receipt = $receipt, visible_at = $visible_at, receives = receives + 1
  WHERE number = $number`;

function done(db: Sqlite, receipts: readonly string[]): void {
  if (receipts.length === 0) return;
  db.transaction(() =>
    receipts.forEach((receipt) =>
      db.run("DELETE FROM messages WHERE receipt = $receipt", { receipt }),
    ),
  );
}
