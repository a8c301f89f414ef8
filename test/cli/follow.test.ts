import { describe, expect, test } from "vitest";
import type { LogPage } from "../../src/backend.ts";
import type { Client } from "../../src/cli/client.ts";
import type { RunDetail, RunDocument } from "../../src/cli/documents.ts";
import { follow, settle } from "../../src/cli/follow.ts";
import { PermanentError } from "../../src/errors.ts";

const page = (lines: readonly string[], next: number, complete = false): LogPage => ({
  lines: lines.map((text) => ({ text })),
  next: String(next),
  complete,
});

/** A client of one run, which with each refresh comes to its next look. */
function fakeClient(looks: readonly { state: string; launch?: number; logs?: () => LogPage }[]) {
  let at = -1;
  const now = () => looks[Math.min(at, looks.length - 1)] ?? { state: "scheduled" };
  const asked: (string | undefined)[] = [];
  const client = {
    restMs: 0,
    dispatched: () => true,
    refresh: async () => void at++,
    changes: () => [],
    run: async () => {
      const { state, launch } = now();
      const final = ["succeeded", "failed"].includes(state);
      return { id: "r", name: "r", state, final, ...(launch === undefined ? {} : { launch }) };
    },
    logs: async (_id: string, after?: string) => {
      asked.push(after);
      return now().logs?.() ?? page([], 0, true);
    },
  };
  return { client: client as unknown as Client, asked };
}

async function told(client: Client, signal = new AbortController().signal) {
  const events: string[] = [];
  const follower = {
    line: async ({ text }: { readonly text: string }) => void events.push(`line ${text}`),
    state: async ({ state }: RunDocument) => void events.push(state),
    noLog: async (reason: unknown) => void events.push(`no log: ${(reason as Error).message}`),
  };
  const run: RunDetail | undefined = await follow(client, "r", { follower, signal });
  return { events, ended: run?.state };
}

describe("following a run", () => {
  test("tells every state once, and its whole log before its end", async () => {
    const { client } = fakeClient([
      { state: "running", launch: 1, logs: () => page([], 0) },
      { state: "running", launch: 1, logs: () => page([], 0) },
      { state: "succeeded", launch: 1, logs: () => page(["a", "b"], 2, true) },
    ]);
    expect(await told(client)).toEqual({
      events: ["running", "line a", "line b", "succeeded"],
      ended: "succeeded",
    });
  });

  test("waits for the rest of a log that comes later than the end, but not for ever", async () => {
    let n = 0;
    const late = () => page(n++ === 3 ? ["late"] : [], n, n > 5);
    const { client } = fakeClient([{ state: "failed", launch: 1, logs: late }]);
    expect((await told(client)).events).toEqual(["failed", "line late"]);
    const never = fakeClient([{ state: "failed", launch: 1, logs: () => page([], 0) }]);
    expect((await told(never.client)).events).toEqual(["failed"]);
  });

  test("reads the log of a new launch from its start", async () => {
    const { client, asked } = fakeClient([
      { state: "running", launch: 1, logs: () => page(asked.length === 1 ? ["a"] : [], 7) },
      { state: "running", launch: 2, logs: () => page([], 0) },
      { state: "succeeded", launch: 2, logs: () => page([], 0, true) },
    ]);
    await told(client);
    expect(asked.slice(0, 3)).toEqual([undefined, "7", undefined]);
  });

  test("goes on without a log that cannot be had, and says so once", async () => {
    const unsupported = () => {
      throw new PermanentError("unsupported", "look elsewhere");
    };
    const { client } = fakeClient([
      { state: "running", launch: 1, logs: unsupported },
      { state: "succeeded", launch: 1, logs: unsupported },
    ]);
    expect((await told(client)).events).toEqual(["running", "no log: look elsewhere", "succeeded"]);
  });

  test("reads on after a failure that passes", async () => {
    let n = 0;
    const shaky = () => {
      if (n++ === 0) throw new Error("busy");
      return page(["a"], 1, true);
    };
    const { client } = fakeClient([
      { state: "running", launch: 1, logs: shaky },
      { state: "succeeded", launch: 1, logs: shaky },
    ]);
    expect((await told(client)).events).toEqual(["running", "no log: busy", "line a", "succeeded"]);
  });

  test("ends at once when it is stopped, even while a platform does not answer", async () => {
    const { client } = fakeClient([{ state: "running" }]);
    const stop = new AbortController();
    const hanging = { ...client, refresh: () => new Promise<void>(() => stop.abort(130)) };
    expect(await told(hanging, stop.signal)).toEqual({ events: [], ended: undefined });
  });
});

describe("settling", () => {
  const states = async (...looks: { state: string }[]) =>
    (await settle(fakeClient(looks).client, "r", () => new Date())).state;

  test("lasts until a run is launched, or waits, or has ended", async () => {
    expect(
      await states({ state: "launching" }, { state: "launching" }, { state: "submitted" }),
    ).toBe("submitted");
    expect(await states({ state: "waiting" })).toBe("waiting");
    expect(await states({ state: "launching" }, { state: "failed" })).toBe("failed");
  });
});
