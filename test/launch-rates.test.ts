import { describe, expect, it } from "vitest";
import type { LaunchAnswer } from "../src/backend.ts";
import { type LaunchLimit, launchLimit, launchRates } from "../src/launch-rates.ts";
import { testWorld } from "./fakes/world.ts";

/** Limits of one process on a clock that only sleeping moves. */
function oneProcess({ processes = 1 } = {}) {
  let time = 0;
  const now = () => new Date(time);
  const rates = launchRates({ processes, now });
  const world = testWorld({ now, launchRates: rates });
  const slept: number[] = [];
  return {
    world,
    slept,
    advance(ms: number) {
      time += ms;
    },
    limit: (launches: number, backend = "vertex", sleep = pause) =>
      launchLimit(world, {
        backend,
        rate: { launches, per: "minute" },
        option: "submissions_per_minute",
        sleep,
      }),
  };

  async function pause(ms: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    slept.push(ms);
    time += ms;
  }
}

/** After each wait the signal gets a turn to speak. */
const TURN = 0;
const { signal } = new AbortController();
const LAUNCHED: LaunchAnswer = { type: "launched", job: { backend: "x", id: "1", ref: {} } };
const once = (limit: LaunchLimit, target = "here", answer: LaunchAnswer = LAUNCHED) =>
  limit({ target, signal }, async () => answer);

describe("the launches of a process", () => {
  it("are held back with the rate, who shares it and the wait, and nothing is asked", async () => {
    const { limit } = oneProcess({ processes: 20 });
    const shared = limit(60);
    for (let index = 0; index < 3; index += 1) await once(shared);
    const answer = await shared({ target: "here", signal }, async () => {
      throw new Error("asked");
    });
    expect(answer).toEqual({
      type: "throttled",
      message:
        "this process may launch 3 vertex jobs a minute (submissions_per_minute: 60, shared by 20 processes) in here; the next in 60 s",
    });
  });

  it("are not made when the process was frozen past the end of their lease", async () => {
    const process = oneProcess();
    const lease = new AbortController();
    // The timer of the wait speaks first, that of the lease a turn later.
    const limit = process.limit(2, "vertex", async (ms) =>
      ms === TURN ? lease.abort() : undefined,
    );
    await once(limit);
    process.advance(50_000);
    await once(limit);
    const answer = await limit({ target: "here", signal: lease.signal }, async () => {
      throw new Error("asked");
    });
    expect(answer).toMatchObject({ type: "throttled" });
  });

  it("wait for a token that comes within seconds", async () => {
    const process = oneProcess();
    const limit = process.limit(2);
    await once(limit);
    process.advance(50_000);
    await once(limit);
    expect(await once(limit)).toBe(LAUNCHED);
    expect(process.slept).toEqual([10_000, TURN]);
  });

  it("are throttled, and nothing is left open, when time is up while they wait", async () => {
    const process = oneProcess();
    const ended = new AbortController();
    const limit = process.limit(60, "vertex", async (_ms, waiting) => {
      ended.abort();
      waiting.throwIfAborted();
    });
    for (let index = 0; index < 60; index += 1) await once(limit);
    process.advance(55_000);
    const answer = await limit({ target: "here", signal: ended.signal }, async () => LAUNCHED);
    expect(answer.type).toBe("throttled");
  });

  it("tell what else goes wrong while they wait", async () => {
    const process = oneProcess();
    const limit = process.limit(60, "vertex", async () => {
      throw new Error("no timers");
    });
    for (let index = 0; index < 60; index += 1) await once(limit);
    process.advance(55_000);
    await expect(once(limit)).rejects.toThrow("no timers");
  });

  it("count for each target and each backend apart, and for all agents of a target together", async () => {
    const { limit } = oneProcess();
    expect(await once(limit(1))).toBe(LAUNCHED);
    expect(await once(limit(1), "there")).toBe(LAUNCHED);
    expect(await once(limit(1, "ecs"))).toBe(LAUNCHED);
    expect(await once(limit(1))).toMatchObject({ type: "throttled" });
  });

  it("slow down once for all calls that were under way when the platform said too often", async () => {
    const process = oneProcess();
    const limit = process.limit(60);
    const throttled: LaunchAnswer = { type: "throttled", message: "slow down" };
    const answers = await Promise.all([
      once(limit, "here", throttled),
      once(limit, "here", throttled),
    ]);
    expect(answers).toEqual([throttled, throttled]);
    // Half the rate: the next token comes after two seconds.
    expect(await once(limit)).toBe(LAUNCHED);
    expect(process.slept).toEqual([2_000, TURN]);
  });

  it("are alone where nobody says that others launch too", async () => {
    const slept: number[] = [];
    const limit = launchLimit(testWorld(), {
      backend: "ecs",
      rate: { launches: 2, per: "second" },
      option: "launches_per_second",
      sleep: async (ms) => slept.push(ms),
    });
    for (let index = 0; index < 2; index += 1) expect(await once(limit)).toBe(LAUNCHED);
    expect(slept).toEqual([]);
    expect(await once(limit)).toBe(LAUNCHED);
    expect(slept).toEqual([1_000, TURN]);
  });
});

it("targets that say nothing any more are forgotten, and too many as well", () => {
  const rates = launchRates({ processes: 1, now: () => new Date(1_000) });
  const busy = { away: [2_000], part: 1, halved: Number.NEGATIVE_INFINITY };
  for (let index = 0; index <= 1_000; index += 1) rates.put(`target ${index}`, busy);
  expect(rates.get("target 0").away).toEqual([]);
  expect(rates.get("target 1000")).toBe(busy);
  rates.put("target 1000", { ...busy, away: [1_000] });
  expect(rates.get("target 1000").away).toEqual([]);
});
