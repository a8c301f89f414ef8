/** What is put on the queue. */
export interface OutgoingMessage {
  readonly body: string;
  /** How long it stays hidden: 0 (default) to 900. */
  readonly delaySeconds?: number;
}

/** What comes from the queue: at least once, in any order. */
export interface Message {
  /** The queue's own id; runs without an id of their own are named after it. */
  readonly id: string;
  readonly body: string;
}

/** The longest delay a message can have, in seconds. */
export const MAX_DELAY_SECONDS = 900;

/** PORT. Where messages go. Whoever receives them belongs to a shape, not to the core. */
export interface Queue {
  /** Puts messages on the queue; when it returns, none of them can be lost. */
  send(messages: readonly OutgoingMessage[]): Promise<void>;
}
