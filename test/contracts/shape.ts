import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { JsonValue } from "../../src/json.ts";

/** A run as the API shows it, as far as the journeys look. */
export interface SeenRun {
  readonly id: string;
  readonly state: string;
  readonly final: boolean;
  readonly message?: string;
  readonly reason?: string;
  readonly cause?: { readonly type: string; readonly exit_code?: number };
}

/** A shape with its queue, its API and its platform, at work. */
export interface RunningShape {
  /** Puts the body of a message on the queue. */
  send(body: string): Promise<void>;
  /** Asks the API; the answer's document. */
  api(method: string, path: string, body?: JsonValue): Promise<JsonValue>;
  /** How many jobs were ever started for a run. */
  jobs(runId: string): Promise<number>;
  close(): Promise<void>;
}

/** What the journeys must know of a shape. */
export interface ShapeTraits {
  open(): Promise<RunningShape>;
  /** How long a journey may take at the most, in milliseconds. */
  readonly patienceMs: number;
  /** Registers tests of this shape alone; they run while it is at work. */
  more?(): void;
}

/** Ends well at once; ends with exit code 3; runs until it is stopped. */
const ENDS_WELL = "true";
const FAILS = "exit 3";
const RUNS_ON = "sleep 600";

/** The journeys of runs from the queue to their ends: the same in every shape. */
export function shapeContract(name: string, { open, patienceMs, more }: ShapeTraits): void {
  describe(`the ${name} shape`, { timeout: patienceMs + 5_000 }, () => {
    let shape: RunningShape;
    let ids = 0;
    const newId = () => `journey-${++ids}`;

    beforeAll(async () => {
      shape = await open();
    }, 600_000);
    afterAll(() => shape?.close(), 120_000);

    const send = (message: JsonValue) => shape.send(JSON.stringify(message));
    const flow = (command: string) => ({ name: "journey", command });

    async function seen(id: string): Promise<SeenRun | undefined> {
      const { items } = (await shape.api("GET", "/runs?limit=500")) as unknown as {
        readonly items: readonly SeenRun[];
      };
      return items.find((run) => run.id === id);
    }
    async function until(id: string, holds: (run: SeenRun) => boolean): Promise<SeenRun> {
      const run = await expect
        .poll(() => seen(id), { timeout: patienceMs, interval: 200 })
        .toSatisfy((run?: SeenRun) => run !== undefined && holds(run))
        .then(() => seen(id));
      return run as SeenRun;
    }
    const ended = (id: string) => until(id, ({ final }) => final);

    test("launches a run and follows it to its end", async () => {
      const id = newId();
      await send({ run_id: id, flow: flow(ENDS_WELL) });
      expect(await ended(id)).toMatchObject({ state: "succeeded", cause: { exit_code: 0 } });
    });

    test("tells how a run has failed", async () => {
      const id = newId();
      await send({ run_id: id, flow: flow(FAILS) });
      expect(await ended(id)).toMatchObject({
        state: "failed",
        cause: { type: "exit", exit_code: 3 },
      });
    });

    test("launches once what is delivered three times", async () => {
      const id = newId();
      const message = { run_id: id, flow: flow(ENDS_WELL) };
      await Promise.all([send(message), send(message), send(message)]);
      expect((await ended(id)).state).toBe("succeeded");
      await send(message);
      const later = newId();
      await send({ run_id: later, flow: flow(ENDS_WELL) });
      await ended(later);
      expect(await shape.jobs(id)).toBe(1);
    });

    test("says of a run that no agent takes what it waits for", async () => {
      const id = newId();
      await send({ run_id: id, flow: flow(ENDS_WELL), labels: ["nobody-has-it"] });
      const run = await until(id, ({ state }) => state === "waiting");
      expect(run.reason).toBe("no_agent");
      expect(run.message).toContain("nobody-has-it");
      expect(await shape.jobs(id)).toBe(0);
    });

    test("stores a message with faults as a run that can never work", async () => {
      const id = newId();
      await send({ run_id: id, flow: { name: "" } });
      expect(await ended(id)).toMatchObject({ state: "crashed", cause: { type: "invalid" } });
    });

    test("ends at once what names a run that nobody has stored", async () => {
      const id = newId();
      await send({ run_id: id });
      expect(await ended(id)).toMatchObject({ state: "crashed", cause: { type: "invalid" } });
    });

    test("cancels a run whose job has started", async () => {
      const id = newId();
      await send({ run_id: id, flow: flow(RUNS_ON) });
      await until(id, ({ state }) => state === "running");
      await shape.api("POST", `/runs/${id}/cancel`);
      expect(await ended(id)).toMatchObject({ state: "cancelled", cause: { type: "requested" } });
    });

    test("starts a run at its time and not before", async () => {
      const id = newId();
      const start = Date.now() + 3_000;
      const scheduled_start_time = new Date(start).toISOString();
      await send({ run_id: id, flow: flow(ENDS_WELL), scheduled_start_time });
      await until(id, ({ state }) => state === "scheduled");
      expect(await shape.jobs(id)).toBe(0);
      expect((await ended(id)).state).toBe("succeeded");
      expect(Date.now()).toBeGreaterThanOrEqual(start);
    });

    test("runs again as a new run what has ended", async () => {
      const id = newId();
      await send({ run_id: id, flow: flow(FAILS) });
      await ended(id);
      const again = (await shape.api("POST", `/runs/${id}/rerun`)) as unknown as SeenRun;
      expect(again.id).not.toBe(id);
      expect((await ended(again.id)).state).toBe("failed");
      expect(await shape.jobs(id)).toBe(1);
      expect(await shape.jobs(again.id)).toBe(1);
    });

    test("runs a registered flow by its name", async () => {
      await shape.api("PUT", "/flows/registered", { command: ENDS_WELL });
      const id = newId();
      await send({ run_id: id, flow: "registered" });
      expect((await ended(id)).state).toBe("succeeded");
    });

    test("takes a run over HTTP", async () => {
      const run_id = newId();
      await shape.api("POST", "/runs", { run_id, flow: flow(ENDS_WELL) });
      expect((await ended(run_id)).state).toBe("succeeded");
    });
    more?.();
  });
}
