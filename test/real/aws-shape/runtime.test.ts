import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Line, startTinyAws, type TinyAws, type TinyOptions, type TinyStack } from "./tiny.ts";

let aws: TinyAws;
let stacks = 0;
let open: TinyStack | undefined;

beforeAll(async () => {
  aws = await startTinyAws();
}, 60_000);
afterEach(async () => {
  await open?.close();
  open = undefined;
});
afterAll(() => aws.close());

const PARTIAL = { FunctionResponseTypes: ["ReportBatchItemFailures"] };

async function stack(options: TinyOptions): Promise<TinyStack> {
  open = await aws.stack(`queue-${++stacks}`, options);
  return open;
}

const eventually = <T>(see: () => T) => expect.poll(see, { timeout: 30_000, interval: 50 });

/** How many batches were with the function at the same time, at the most. */
function mostAtOnce(began: readonly Line[], ended: readonly Line[]): number {
  const steps = [...began.map(({ at }) => [at, 1]), ...ended.map(({ at }) => [at, -1])];
  let now = 0;
  return Math.max(
    ...steps
      .sort(([a = 0, x = 0], [b = 0, y = 0]) => a - b || x - y)
      .map(([, step = 0]) => (now += step)),
  );
}

describe("the mapping of a queue", () => {
  test("lets no more batches be with the function at once than it says", async () => {
    const mapping = { BatchSize: 1, ScalingConfig: { MaximumConcurrency: 2 }, ...PARTIAL };
    const one = await stack({ mapping });
    await one.send(...Array.from({ length: 6 }, () => "hold"));
    await eventually(() => one.lines().length).toBe(2);
    // What else is in the queue could be received all the time: somebody else does so.
    const others = await one.left();
    expect(others.length).toBeGreaterThan(0);
    one.go();
    await eventually(() => one.lines("ended").length).toBe(6 - others.length);
    expect(mostAtOnce(one.lines(), one.lines("ended"))).toBe(2);
  });

  test("gathers more than ten messages for a batch until it is full", async () => {
    const one = await stack({ mapping: { BatchSize: 15, MaximumBatchingWindowInSeconds: 300 } });
    await one.send(...Array.from({ length: 15 }, (_, index) => `m${index}`));
    await eventually(() => one.lines("ended").length).toBe(1);
    expect(one.lines()[0]?.bodies).toHaveLength(15);
  });

  test("hands over what has come when its window is over", async () => {
    const one = await stack({ mapping: { BatchSize: 50, MaximumBatchingWindowInSeconds: 30 } });
    await one.send("a", "b", "c");
    await eventually(() =>
      one
        .lines("ended")
        .flatMap(({ bodies }) => bodies)
        .sort(),
    ).toEqual(["a", "b", "c"]);
  });

  test("brings back what the function names as failed, and nothing else", async () => {
    const one = await stack({ mapping: { BatchSize: 10, ...PARTIAL } });
    await one.send("a", "fail 1", "b");
    await eventually(() => times(one, "fail 1")).toBe(2);
    await eventually(() => one.lines("ended").length).toBe(one.lines().length);
    expect([times(one, "a"), times(one, "b")]).toEqual([1, 1]);
    expect(await one.dead()).toEqual([]);
  });

  test.each([
    ["throws", "throw 1"],
    ["dies", "die 1"],
    ["names what it was not given", "unknown 1"],
    ["answers in no known shape", "shapeless 1"],
  ])("brings back a whole batch if the function %s", async (_, body) => {
    const one = await stack({ mapping: { BatchSize: 10, ...PARTIAL } });
    await one.send("a", body);
    await eventually(() => times(one, "a")).toBe(2);
    await eventually(() => times(one, body)).toBe(2);
  });

  test("asks for no answer if it was not deployed to", async () => {
    const one = await stack({ mapping: { BatchSize: 10 } });
    await one.send("fail 9");
    await eventually(() => one.lines("ended").length).toBe(1);
    await one.send("throw 1");
    await eventually(() => times(one, "throw 1")).toBe(2);
    expect(times(one, "fail 9")).toBe(1);
  });

  test("keeps what failed hidden for the time of the queue, a minute being a second", async () => {
    const one = await stack({ visibility: 120, mapping: { BatchSize: 10, ...PARTIAL } });
    await one.send("fail 1");
    await eventually(() => one.lines().length).toBe(2);
    const [first, second] = one.lines();
    expect(Number(second?.at) - Number(first?.at)).toBeGreaterThan(1_900);
  });

  test("leaves what came too often to the dead letter queue", async () => {
    const one = await stack({ maxReceiveCount: 2, mapping: { BatchSize: 10, ...PARTIAL } });
    await one.send("fail 9", "die 9");
    const dead: string[] = [];
    await eventually(async () => {
      dead.push(...(await one.dead()).map(({ body }) => body));
      return dead.toSorted();
    }).toEqual(["die 9", "fail 9"]);
    expect([times(one, "fail 9"), times(one, "die 9")]).toEqual([2, 2]);
  });
});

describe("a sandbox", () => {
  test("is kept for the next event, and made when none is free", async () => {
    const { runtime, ...one } = await stack({});
    const pid = async (event: object) =>
      ((await runtime.invoke("function", event)) as { readonly pid: number }).pid;
    const first = await pid({});
    expect(await pid({})).toBe(first);
    const held = pid({ hold: true });
    await eventually(() => one.lines().length).toBe(3);
    const other = await pid({});
    expect(other).not.toBe(first);
    one.go();
    expect(await held).toBe(first);
  });

  test("is ended when it takes longer than it may", async () => {
    const { runtime } = await stack({ timeout: 1 });
    await expect(runtime.invoke("function", { hold: true })).rejects.toThrow("longer than 1 s");
    expect(runtime.failures).toHaveLength(1);
    await expect(runtime.invoke("function", {})).resolves.toBeDefined();
  });
});

/** How often the function was given a message. */
function times(one: TinyStack, body: string): number {
  return one.lines().filter(({ bodies }) => bodies.includes(body)).length;
}
