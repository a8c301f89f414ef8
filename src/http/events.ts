import * as z from "zod";
import type { StateChange } from "../app.ts";
import type { Route } from "./route.ts";
import { runView } from "./views.ts";

/** State changes as they happen, for any number of listeners. */
export interface ChangeFeed {
  /** Calls `listener` for each change from now on, until the returned function is called. */
  listen(listener: (change: StateChange) => void): () => void;
}

/** A feed, and the function that feeds it. */
export function changeFeed(): ChangeFeed & { publish(change: StateChange): void } {
  const listeners = new Set<(change: StateChange) => void>();
  return {
    listen(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    publish(change) {
      for (const listener of listeners) listener(change);
    },
  };
}

/** How many bytes may wait for a reader; a slower one is cut off and comes back by itself. */
const MAX_WAITING_BYTES = 1024 * 1024;
/** Time between the comments that keep proxies from closing a silent stream. */
const HEARTBEAT_MS = 15_000;

/** State changes as server-sent events: `event: run`, the run as data. */
export function eventStream(changes: ChangeFeed): Route {
  return {
    method: "GET",
    path: "/events",
    operationId: "streamEvents",
    summary:
      "State changes of this process as server-sent events. What happened before is in /runs.",
    scope: "read",
    responses: { 200: { description: "A stream.", schema: z.string() } },
    handle: async ({ signal }) =>
      new Response(streamOf(changes, signal), {
        headers: { "content-type": "text/event-stream", "cache-control": "no-store" },
      }),
  };
}

function streamOf(changes: ChangeFeed, signal: AbortSignal): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let stop = () => {};
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const send = (text: string) => {
          if ((controller.desiredSize ?? 0) < 0) return end();
          controller.enqueue(encoder.encode(text));
        };
        const unlisten = changes.listen(({ run }) =>
          send(`event: run\ndata: ${JSON.stringify(runView(run))}\n\n`),
        );
        const heartbeat = setInterval(() => send(": still here\n\n"), HEARTBEAT_MS);
        heartbeat.unref();
        stop = () => {
          unlisten();
          clearInterval(heartbeat);
        };
        const end = () => {
          stop();
          controller.close();
        };
        signal.addEventListener("abort", stop, { once: true });
        send(": connected\n\n");
      },
      cancel: () => stop(),
    },
    { highWaterMark: MAX_WAITING_BYTES, size: (chunk) => chunk?.byteLength ?? 0 },
  );
}
