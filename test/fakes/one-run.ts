import { dispatch } from "../../src/dispatch.ts";
import { poll } from "../../src/poll.ts";
import type { TestApp } from "./app.ts";

/** What `deliver` asks for unless told otherwise. */
export const REQUEST = { run_id: "r1", flow: { name: "load", command: "true" } };

/** Handles a message. */
export async function deliver({ app }: TestApp, body: object = REQUEST) {
  await dispatch(app, { id: "m", body: JSON.stringify(body) });
}

/** Ticks, and handles what the tick has sent. */
export async function tick(t: TestApp) {
  await poll(t.app);
  for (const message of await t.queue.receive(100)) {
    await dispatch(t.app, message);
    await t.queue.done([message.receipt]);
  }
}

/** How a run is, by default the one of `REQUEST`. */
export async function stateOf({ app }: TestApp, id = "r1") {
  return (await app.store.get(id))?.state;
}
