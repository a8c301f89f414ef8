import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Backend } from "../../src/backend.ts";
import { PermanentError } from "../../src/errors.ts";
import type { Job } from "../../src/run.ts";
import { keepsInstallationsApart } from "./backend-installations.ts";
import { finds, launchesOnce } from "./backend-launch.ts";
import { cancels, readsLogs, reports } from "./backend-status.ts";
import { type Current, copy, launch, newId, thrownBy } from "./backend-steps.ts";
import { launchRequest, type RequestParts } from "./request.ts";

/** A platform, real or faked, as the contract needs it. One is opened for each test. */
export interface BackendHarness {
  readonly backend: Backend;
  /** Another backend over the same platform, as another process would open it. */
  readonly reopen: () => Backend;
  /** The same as another installation has it; only where `installations` is true. */
  readonly openFor?: (installation: string) => Backend;
  /** A job that ends well by itself. */
  readonly succeeds: RequestParts;
  /** A job that ends by itself with exit code 3. */
  readonly fails: RequestParts;
  /** A job that runs until it is cancelled. */
  readonly runs: RequestParts;
  /** Requests that can never be launched; each is refused by `plan` or by `launch`. */
  readonly refused: Readonly<Record<string, RequestParts>>;
  /** A job that writes these lines to its standard output and ends; only where `logs` is true. */
  readonly writes?: { readonly request: RequestParts; readonly lines: readonly string[] };
  /** A job of this backend that its platform has never heard of. */
  readonly unknown: Job;
  /** How many jobs the platform has started so far. */
  readonly started: () => number | Promise<number>;
  /** Lets the platform go on a little: a fake moves its jobs, with a real one some time goes by. */
  readonly tick: () => void | Promise<void>;
  /** Ends whatever the test has left. */
  readonly close: () => void | Promise<void>;
}

/** What a backend promises beyond the common part. */
export interface BackendTraits {
  /**
   * `always`: the platform itself keeps a key from being used twice, even at the same time.
   * `after_find`: whoever asks again must have called `find` before, because the platform has no keys.
   */
  readonly once: "always" | "after_find";
  /** Whether the backend has `logs`. */
  readonly logs: boolean;
  /** Whether several installations may launch on the platform; false for this machine only. */
  readonly installations: boolean;
  readonly open: () => BackendHarness | Promise<BackendHarness>;
}

/** The promises every backend keeps, whatever its platform. `name` is the backend's. */
export function backendContract(name: string, traits: BackendTraits): void {
  describe(`${name} backend`, () => {
    let harness: BackendHarness;
    beforeEach(async () => {
      harness = await traits.open();
    });
    afterEach(() => harness.close());

    plansWithoutTraces(() => harness);
    launchesOnce(() => harness, traits.once);
    finds(() => harness);
    reports(name, () => harness);
    cancels(() => harness);
    refuses(() => harness);
    if (traits.installations) keepsInstallationsApart(() => harness);
    if (traits.logs) readsLogs(() => harness);
    else it("offers no logs", () => expect("logs" in harness.backend).toBe(false));
  });
}

function plansWithoutTraces(current: Current): void {
  it("plans the same launch each time, and starts nothing by it", async () => {
    const { backend, reopen, succeeds, started } = current();
    const request = launchRequest({ ...succeeds, runId: newId() });
    const plan = await backend.plan(request);
    expect(await backend.plan(request)).toEqual(plan);
    expect(await reopen().plan(request)).toEqual(plan);
    expect(await started()).toBe(0);
  });

  it("plans in plain JSON", async () => {
    const { backend, succeeds } = current();
    const plan = await backend.plan(launchRequest({ ...succeeds, runId: newId() }));
    expect(copy(plan)).toEqual(plan);
  });

  it("has one target for all runs and launches of an agent", async () => {
    const { backend, succeeds, runs } = current();
    const first = await backend.plan(launchRequest({ ...succeeds, runId: newId() }));
    const second = await backend.plan(launchRequest({ ...runs, runId: newId(), launch: 2 }));
    expect(first.target).not.toBe("");
    expect(second.target).toBe(first.target);
  });

  it("names the variables that come from the agent as secret, and those of the run not", async () => {
    const { backend, succeeds } = current();
    const agent = { ...succeeds.agent, env: { ...succeeds.agent?.env, CONTRACT_TOKEN: "hush" } };
    const parts = { ...succeeds, runId: newId(), agent, env: { CONTRACT_OPEN: "seen" } };
    const { secrets } = await backend.plan(launchRequest(parts));
    expect(secrets).toContain("CONTRACT_TOKEN");
    expect(secrets).not.toContain("CONTRACT_OPEN");
  });
}

function refuses(current: Current): void {
  it("refuses for good what can never be launched, before anything starts", async () => {
    const harness = current();
    expect(Object.keys(harness.refused)).not.toEqual([]);
    for (const [what, parts] of Object.entries(harness.refused)) {
      const thrown = await thrownBy(() => launch(harness, parts));
      expect(thrown, what).toBeInstanceOf(PermanentError);
      expect(await harness.started(), what).toBe(0);
    }
  });
}
