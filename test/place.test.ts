import { describe, expect, test } from "vitest";
import { cancel } from "../src/cancel.ts";
import { dispatch } from "../src/dispatch.ts";
import { explainRun } from "../src/explain.ts";
import { LOST_AFTER_MS } from "../src/hosts.ts";
import { runLogs } from "../src/logs.ts";
import { placeBesideFunctions } from "../src/place.ts";
import { CLOUD, type JobStatus } from "../src/run.ts";
import { MINUTE } from "../src/time.ts";
import { testAgent } from "./fakes/app.ts";
import { linesOf, runOf, start, stateOf, twoPlaces } from "./fakes/two-places.ts";

const EXIT = { type: "exit", message: "exit code 0", exitCode: 0 } as const;
const SUCCEEDED: JobStatus = { type: "ended", end: "succeeded", cause: EXIT };
const KILLED = { type: "killed", message: "ended by SIGTERM", signal: "SIGTERM" } as const;

test.each(["local", "docker"])(
  "an agent of backend %s works on a machine of its own",
  (backend) => {
    expect(placeBesideFunctions(testAgent({ name: "lab", backend }))).toBe("lab");
  },
);

test.each(["ecs", "vertex", "kubernetes"])(
  "functions work for an agent of backend %s",
  (backend) => {
    expect(placeBesideFunctions(testAgent({ name: "prod", backend }))).toBe(CLOUD);
  },
);

test.each(["ecs", "docker"])("an agent of backend %s marked remote works elsewhere", (backend) => {
  expect(placeBesideFunctions(testAgent({ name: "far", backend, remote: true }))).toBe("far");
});

describe("a run for a remote agent", () => {
  test("is launched once, on the machine of its host, and ends as its job there does", async () => {
    const places = twoPlaces();
    await places.host.beat();
    await start(places);
    expect(await stateOf(places)).toMatchObject({
      type: "waiting",
      reason: "agent",
      message: "waits for the host of agent lab on bench",
    });
    await places.tick();
    await places.host.work();
    await places.host.work();
    expect(places.host.platform.started).toHaveLength(1);
    places.host.platform.set("r1", SUCCEEDED);
    await places.tick();
    expect(await stateOf(places)).toMatchObject({ type: "submitted", agent: "lab" });
    await places.host.work();
    expect(await stateOf(places)).toMatchObject({ type: "succeeded", agent: "lab", cause: EXIT });
    expect(places.cloud.platform.started).toEqual([]);
    expect(linesOf(places, "error")).toEqual([]);
  });

  test("waits while no host was ever seen, and goes when one comes", async () => {
    const places = twoPlaces();
    await start(places);
    const message =
      "waits for the host of agent lab, which was never seen: run `sluice agent lab` on its machine";
    expect(await stateOf(places)).toMatchObject({ type: "waiting", message });
    places.cloud.clock.pass(24 * 60 * MINUTE);
    await places.tick();
    expect(await stateOf(places)).toMatchObject({ type: "waiting", message });
    expect((await explainRun(places.cloud.app, "r1")).because).toBe(message);
    await places.host.work();
    expect(await stateOf(places)).toMatchObject({ type: "submitted" });
  });

  test("is left alone by a message that reaches the cloud a second time", async () => {
    const places = twoPlaces();
    places.host.platform.behave({ type: "request lost" });
    await start(places);
    await places.host.work();
    const before = await runOf(places);
    expect(before.state.type).toBe("launching");
    places.cloud.clock.pass(2 * MINUTE);
    await start(places);
    expect(await runOf(places)).toEqual(before);
  });

  test("stays in its place if the host reads labels that do not fit, and says so", async () => {
    const places = twoPlaces();
    await start(places);
    const labelled = places.host.app.agents.map((agent) => ({ ...agent, labels: ["x"] }));
    const app = { ...places.host.app, agents: labelled };
    await dispatch(app, { id: "m", body: '{"run_id":"r1"}' });
    const run = await runOf(places);
    expect(run).toMatchObject({ place: "lab", state: { type: "waiting", reason: "no_agent" } });
    await places.host.beat();
    places.cloud.clock.pass(LOST_AFTER_MS);
    await places.tick();
    expect(await runOf(places)).toEqual(run);
  });

  test("shows its logs on the machine of its host only, and elsewhere says where", async () => {
    const places = twoPlaces();
    await start(places);
    expect(await runLogs(places.cloud.app, "r1")).toMatchObject({ lines: [], complete: false });
    await places.host.work();
    await expect(runLogs(places.cloud.app, "r1")).rejects.toMatchObject({
      code: "unsupported",
      message:
        "the logs of run r1 are on the machine of agent lab, bench: read them there, with `sluice logs r1 --agent lab`",
    });
  });

  test("is cancelled at once while it waits, and by its host once it has a job", async () => {
    const places = twoPlaces();
    await start(places, "r1");
    await cancel(places.cloud.app, "r1");
    await places.host.work();
    expect(await stateOf(places)).toMatchObject({ type: "cancelled" });
    expect(places.host.platform.started).toEqual([]);

    await start(places, "r2");
    await places.host.work();
    await cancel(places.cloud.app, "r2");
    await places.tick();
    expect(places.host.platform.cancelled).toEqual([]);
    await places.host.work();
    expect(places.host.platform.cancelled).toEqual(["here/r2/1"]);
    places.host.platform.set("r2", { type: "ended", end: "failed", cause: KILLED });
    await places.host.work();
    expect(await stateOf(places, "r2")).toMatchObject({ type: "cancelled" });
  });
});
