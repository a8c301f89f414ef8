import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { launchRates } from "../../../src/launch-rates.ts";
import { type FakeEcs, fakeEcs } from "../../fakes/ecs.ts";
import { ecsAgent, jobOf, launch, openEcs } from "./steps.ts";

describe("the rate of launches on ecs", () => {
  let fake: FakeEcs;
  beforeEach(async () => {
    fake = await fakeEcs();
  });
  afterEach(() => fake.close());

  it("is held back before any call where a process has used up its share", async () => {
    const world = { launchRates: launchRates({ processes: 400, now: fake.now }) };
    const backend = openEcs(fake, ecsAgent(), world);
    jobOf(await launch(backend, { runId: "first" }));
    fake.calls.length = 0;
    // Another agent of the same cluster has the same tokens.
    const other = openEcs(fake, ecsAgent({}, { name: "other" }), world);
    const answer = await launch(other, { runId: "second", flow: { name: "not registered" } });
    expect(answer).toEqual({
      type: "throttled",
      message: expect.stringMatching(
        /0\.05 ecs jobs a second \(launches_per_second: 20, shared by 400 processes\) in .*default; the next in 20 s/,
      ) as string,
    });
    const ofEcs = fake.calls.filter((call) => !/^Describe(Vpcs|Subnets)$/.test(call));
    expect(ofEcs).toEqual([]);
    fake.advance(20_000);
    jobOf(await launch(other, { runId: "second" }));
  });

  it("counts for each cluster apart", async () => {
    const world = { launchRates: launchRates({ processes: 400, now: fake.now }) };
    jobOf(await launch(openEcs(fake, ecsAgent(), world), { runId: "first" }));
    fake.clusters.add("second");
    const there = openEcs(fake, ecsAgent({ cluster: "second" }), world);
    jobOf(await launch(there, { runId: "second" }));
  });

  it("is the agent's own where it sets one, and halved when AWS says too often", async () => {
    const backend = openEcs(fake, ecsAgent({ launches_per_second: 0.1 }));
    const throttle = {
      type: "error",
      code: "ThrottlingException",
      message: "Rate exceeded",
    } as const;
    fake.fail("RunTask", throttle, throttle, throttle);
    expect(await launch(backend)).toMatchObject({ type: "throttled" });
    fake.advance(5_000);
    // At the whole rate the token would be back in five seconds, and waited for.
    expect(await launch(backend, { runId: "second" })).toMatchObject({
      type: "throttled",
      message: expect.stringContaining("launches_per_second: 0.1") as string,
    });
    fake.advance(15_000);
    jobOf(await launch(backend, { runId: "second" }));
  });
});
