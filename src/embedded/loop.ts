import { abandon } from "../abandon.ts";
import type { App } from "../app.ts";
import type { Backend } from "../backend.ts";
import { dispatch } from "../dispatch.ts";
import { messageOf } from "../errors.ts";
import { poll } from "../poll.ts";
import { MAX_DELAY_SECONDS } from "../queue.ts";
import type { ReceivedMessage } from "../queues/sqlite.ts";
import type { Run } from "../run.ts";
import type { Embedded } from "./app.ts";
import { rest } from "./rest.ts";

/** How many messages are handled side by side. */
const BATCH = 32;
/** How long a message that failed stays away, in seconds, for each time it was received. */
const RETRY_SECONDS = 2;
const TICK_MS = 1_000;
/** How long the loop rests when the queue is empty. */
const IDLE_MS = 200;

/** What a loop works on. */
export interface Workplace extends Pick<Embedded, "app" | "queue"> {
  readonly config?: Embedded["config"];
  /** The least time between the beginnings of two ticks, in milliseconds. Default: 1,000. */
  readonly tickMs?: number;
  /** Done before each tick, and before messages are taken: while it throws, nothing is begun. */
  beforeWork?(): Promise<void>;
}

/**
 * One turn: handles the messages that are there, dead ones too, then ticks once. Returns how many
 * messages it handled.
 */
export async function turn({ app, queue, config }: Workplace): Promise<number> {
  await config?.refresh();
  const works = await takeMessages({ app, queue }, BATCH);
  await Promise.all(works ?? []);
  await poll(app);
  return works?.length ?? 0;
}

/**
 * Asks how the jobs of launched runs are, and nothing else: no message is taken or sent, so no run goes
 * anywhere by it, and nothing is tidied up.
 */
export async function look({ app, config }: Workplace): Promise<void> {
  await config?.refresh();
  const { store } = app;
  const due: typeof store.due = (now, place) => launched(store.due(now, place));
  const backend: App["backend"] = async (agent) => untidied(await app.backend(agent));
  await poll({ ...app, backend, store: { ...store, due } });
}

function untidied(backend: Backend): Backend {
  const { tidy: _, ...untidied } = backend;
  return untidied;
}

async function* launched(runs: AsyncIterable<Run>): AsyncGenerator<Run> {
  for await (const run of runs) {
    const { type } = run.state;
    if (type === "submitted" || type === "running" || type === "cancelling") yield run;
  }
}

/**
 * Works until `signal` is aborted, then finishes what is in hand and returns: messages not yet taken
 * stay on the queue, and jobs go on. A slow message or a slow tick holds up no other; a failure of the
 * data folder is logged and tried again.
 */
export async function runLoop(workplace: Workplace, signal: AbortSignal): Promise<void> {
  const { app, tickMs = TICK_MS } = workplace;
  const inHand = new Set<Promise<void>>();
  const start = (work: Promise<void>) => {
    const tracked = work
      .catch((error: unknown) => app.log.error("turn failed", { reason: messageOf(error) }))
      .finally(() => inHand.delete(tracked));
    inHand.add(tracked);
  };
  const ticks = keepTicking(workplace, signal);
  while (!signal.aborted) {
    const free = BATCH - inHand.size;
    const works = free > 0 ? await takeMessages(workplace, free) : [];
    works?.forEach(start);
    if (works === undefined) await rest(tickMs, signal);
    else if (works.length === 0) await rest(IDLE_MS, signal);
  }
  await Promise.all([ticks, ...inHand]);
}

async function tick(workplace: Workplace, signal: AbortSignal): Promise<void> {
  const { app, config } = workplace;
  await config?.refresh();
  await workplace.beforeWork?.();
  await poll(app, signal);
}

/** Ticks again and again, never twice at once, with the least time between two beginnings. */
async function keepTicking(workplace: Workplace, signal: AbortSignal): Promise<void> {
  const { app, tickMs = TICK_MS } = workplace;
  while (!signal.aborted) {
    const rested = rest(tickMs, signal);
    try {
      await tick(workplace, signal);
    } catch (error) {
      app.log.error("tick failed", { reason: messageOf(error) });
    }
    await rested;
  }
}

/** Takes up to `max` messages and begins to handle them; undefined if none can be taken now. */
async function takeMessages(
  workplace: Workplace,
  max: number,
): Promise<Promise<void>[] | undefined> {
  const { app, queue } = workplace;
  try {
    await workplace.beforeWork?.();
    const messages = await queue.receive(max);
    const dead = messages.length < max ? await queue.dead(max - messages.length) : [];
    return [
      ...messages.map((message) => handle(workplace, message, dispatch)),
      ...dead.map((message) => handle(workplace, message, abandon)),
    ];
  } catch (error) {
    app.log.error("messages not received", { reason: messageOf(error) });
    return undefined;
  }
}

async function handle(
  { app, queue }: Pick<Workplace, "app" | "queue">,
  message: ReceivedMessage,
  work: (app: App, message: ReceivedMessage) => Promise<void>,
): Promise<void> {
  try {
    await work(app, message);
    await queue.done([message.receipt]);
  } catch (error) {
    app.log.warn("message failed", {
      messageId: message.id,
      receiveCount: message.receiveCount,
      reason: messageOf(error),
    });
    const delay = Math.min(RETRY_SECONDS * message.receiveCount, MAX_DELAY_SECONDS);
    await queue.release(message.receipt, delay);
  }
}
