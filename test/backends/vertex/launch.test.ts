import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Backend, LaunchAnswer, LaunchPlan } from "../../../src/backend.ts";
import { noCredentials } from "../../../src/backends/vertex/credentials.ts";
import { vertexBackend } from "../../../src/backends/vertex/index.ts";
import { PermanentError } from "../../../src/errors.ts";
import { launchRates } from "../../../src/launch-rates.ts";
import type { LaunchKey } from "../../../src/run.ts";
import { launchRequest, type RequestParts } from "../../contracts/request.ts";
import {
  INTERNAL,
  INVALID_ARGUMENT,
  RESOURCE_EXHAUSTED,
  ServiceError,
  UNAUTHENTICATED,
  UNAVAILABLE,
} from "../../fakes/vertex.ts";
import { testWorld } from "../../fakes/world.ts";
import { openWorld, runOf, type Transport, type VertexWorld } from "./world.ts";

interface Planned {
  readonly plan: LaunchPlan;
  readonly key: LaunchKey;
}

async function plan(backend: Backend, parts: RequestParts = runOf("runs")): Promise<Planned> {
  const request = launchRequest(parts);
  const planned = await backend.plan(request);
  const key = { runId: request.run.id, launch: request.launch, target: planned.target };
  return { plan: planned, key };
}

const never = () => new AbortController().signal;

async function launch(backend: Backend, parts?: RequestParts): Promise<LaunchAnswer> {
  const { plan: planned, key } = await plan(backend, parts);
  return backend.launch(planned, key, never());
}

const broken = {
  "the connection breaks": "drop",
  "an internal error comes": new ServiceError(INTERNAL, "Internal error encountered."),
  "the service is said to be unavailable": new ServiceError(UNAVAILABLE, "The service is busy."),
} as const;

for (const transport of ["rest", "grpc"] as const satisfies readonly Transport[]) {
  describe(`launching over ${transport}`, () => {
    let world: VertexWorld;
    let backend: Backend;
    beforeEach(async () => {
      world = await openWorld(transport);
      backend = world.open();
    });
    afterEach(() => world.close());

    it.each([
      ["sluice-dev_2", "sluice-dev_2"],
      ["x".repeat(63), "x".repeat(63)],
      ["x".repeat(64), expect.stringMatching(/^[0-9a-f]{40}$/) as string],
      ["Sluice.Dev", expect.stringMatching(/^[0-9a-f]{40}$/) as string],
    ])("marks the job of the installation %s with its name, or its hash", async (name, label) => {
      await launch(world.open({}, { installation: name }), runOf("runs"));
      expect(world.service.jobs()[0]?.labels).toMatchObject({ sluice_installation: label });
    });

    it("takes one call, and marks the job with run, launch and owner", async () => {
      const answer = await launch(backend, runOf("runs", { runId: "run-7", launch: 2 }));
      const [job] = world.service.jobs();
      expect(world.service.calls).toEqual(["CreateCustomJob"]);
      expect(job?.labels).toEqual({
        sluice_run: "run-7",
        sluice_launch: "2",
        sluice_owner: "cloud",
      });
      const id = job?.name.split("/").at(-1);
      expect(answer).toEqual({
        type: "launched",
        job: {
          backend: "vertex",
          id: job?.name,
          url: `https://console.cloud.google.com/vertex-ai/locations/us-central1/training/${id}`,
          ref: {
            parent: "projects/my-project/locations/us-central1",
            name: job?.name,
            created: "2026-11-21T12:00:00.000Z",
          },
        },
      });
    });

    describe.each(Object.entries(broken))("when %s", (_, answer) => {
      it("after the job was created, finds and adopts it", async () => {
        world.service.fault({ method: "CreateCustomJob", when: "after", answer });
        const launched = await launch(backend);
        expect(launched).toMatchObject({
          type: "launched",
          job: { id: world.service.jobs()[0]?.name },
        });
        expect(world.service.jobs()).toHaveLength(1);
        expect(world.slept()).toBe(5_000);
      });

      it("and lists lag behind, looks a second time", async () => {
        world.service.setListLag(12_000);
        world.service.fault({ method: "CreateCustomJob", when: "after", answer });
        expect(await launch(backend)).toMatchObject({ type: "launched" });
        expect(world.slept()).toBe(20_000);
      });

      it("and the job does not show, leaves the launch open and creates no second one", async () => {
        world.service.setListLag(60_000);
        world.service.fault({ method: "CreateCustomJob", when: "after", answer });
        const { plan: planned, key } = await plan(backend);
        const thrown = await thrownBy(backend.launch(planned, key, never()));
        expect(thrown).not.toBeInstanceOf(PermanentError);
        expect(String(thrown)).toMatch(/run run-1/);
        expect(world.service.jobs()).toHaveLength(1);
        world.service.advance(60_000);
        expect(await backend.find(key)).toHaveLength(1);
      });

      it("before the job was created, leaves the launch open, and a later one succeeds", async () => {
        world.service.fault({ method: "CreateCustomJob", when: "before", answer });
        const { plan: planned, key } = await plan(backend);
        expect(await thrownBy(backend.launch(planned, key, never()))).not.toBeInstanceOf(
          PermanentError,
        );
        expect(await backend.find(key)).toEqual([]);
        expect(await backend.launch(planned, key, never())).toMatchObject({ type: "launched" });
        expect(world.service.jobs()).toHaveLength(1);
      });
    });

    it("is broken off by its signal while no answer comes", async () => {
      const { plan: planned, key } = await plan(backend);
      world.service.fault({ method: "CreateCustomJob", when: "after", answer: "hang" });
      const controller = new AbortController();
      const launching = thrownBy(backend.launch(planned, key, controller.signal));
      await until(() => world.service.calls.length > 0);
      controller.abort();
      expect(await launching).not.toBeInstanceOf(PermanentError);
      expect(world.slept()).toBe(0);
      expect(await backend.find(key)).toHaveLength(1);
    });

    it("is throttled when the project submits too often, and then holds back by itself", async () => {
      world.service.fault({
        method: "CreateCustomJob",
        when: "before",
        answer: new ServiceError(
          RESOURCE_EXHAUSTED,
          "Quota exceeded for quota metric 'Job or LRO submission requests' and limit 'Job or LRO submission requests per minute per region'.",
          { reason: "RATE_LIMIT_EXCEEDED" },
        ),
      });
      expect(await launch(backend)).toMatchObject({ type: "throttled" });
      expect(world.service.calls).toEqual(["CreateCustomJob"]);
      expect(await launch(backend)).toMatchObject({ type: "launched" });
      expect(world.slept()).toBe(2_000);
    });

    it("is refused, not throttled, when a quota on machines is used up", async () => {
      const small = await openWorld(transport, { machines: 1 });
      const other = small.open();
      expect(await launch(other)).toMatchObject({ type: "launched" });
      const answer = await launch(other, runOf("runs", { runId: "run-2" }));
      expect(answer).toMatchObject({ type: "refused", hint: "capacity" });
      expect(JSON.stringify(answer)).toMatch(/custom_model_training_cpus/);
      await small.close();
    });

    it("ends for good when the service does not accept the caller, asked twice", async () => {
      const answer = new ServiceError(
        UNAUTHENTICATED,
        "Request had invalid authentication credentials.",
      );
      world.service.fault({ method: "CreateCustomJob", when: "before", answer });
      world.service.fault({ method: "CreateCustomJob", when: "before", answer });
      await expect(launch(backend)).rejects.toMatchObject({
        code: "rejected",
        message: expect.stringMatching(/credentials.*set GOOGLE_APPLICATION_CREDENTIALS/) as string,
      });
      expect(world.slept()).toBe(0);
    });

    it("ends for good when the service refuses the job, with its words", async () => {
      world.service.fault({
        method: "CreateCustomJob",
        when: "before",
        answer: new ServiceError(INVALID_ARGUMENT, "Machine type x9 is not supported."),
      });
      const thrown = await thrownBy(launch(backend));
      expect(thrown).toBeInstanceOf(PermanentError);
      expect(thrown).toMatchObject({ code: "rejected" });
      expect(String(thrown)).toMatch(/run run-1 .*Machine type x9 is not supported/);
    });

    it("says which rights are missing", async () => {
      const parts = runOf("runs", {
        config: { options: { service_account: "nobody@my-project.iam" } },
      });
      expect(String(await thrownBy(launch(backend, parts)))).toMatch(
        /Vertex AI User.*Service Account User/,
      );
    });

    it("is unavailable, and certainly not begun, when nothing listens", async () => {
      await world.close();
      expect(await launch(backend)).toEqual({
        type: "unavailable",
        message: expect.stringMatching(
          /^Vertex AI cannot be reached: .{0,200}ECONNREFUSED/,
        ) as string,
      });
      expect(world.slept()).toBe(0);
    });

    it("names a job after its run where the display name would be empty", async () => {
      await launch(backend, runOf("runs", { flow: { name: "?" }, runName: "!" }));
      expect(world.service.jobs()[0]?.displayName).toBe("sluice-run-1");
    });

    it("sends a job in Google's own form", async () => {
      const parts = runOf("runs", {
        runName: "n",
        flow: { name: "x".repeat(300) },
        agent: { env: { GONE: "agent" } },
        env: { COUNT: 3, ON: true, GONE: null },
        config: {
          options: {
            worker_pool_specs: [
              { machineSpec: { machineType: "n1" }, containerSpec: { imageUri: "theirs" } },
              { machine_spec: { machine_type: "n2" }, container_spec: { image_uri: "second" } },
            ],
            scheduling: { timeout: "3600s" },
          },
        },
      });
      expect(await launch(backend, parts)).toMatchObject({ type: "launched" });
      const [job] = world.service.jobs();
      const [first, second] = job?.jobSpec.workerPoolSpecs ?? [];
      expect(job?.displayName).toBe("x".repeat(128));
      expect(job?.jobSpec.scheduling).toMatchObject({
        timeout: { seconds: 3600 },
        disableRetries: true,
      });
      expect(first?.machineSpec).toEqual({ machineType: "n1" });
      expect(first?.containerSpec).toMatchObject({ imageUri: "fake/runs", command: ["true"] });
      const env = Object.fromEntries(
        first?.containerSpec?.env?.map((v) => [v.name, v.value]) ?? [],
      );
      expect(env).toMatchObject({ COUNT: "3", ON: "true", SLUICE_RUN_ID: "run-1" });
      expect(env).not.toHaveProperty("GONE");
      expect(second).toEqual({
        machineSpec: { machineType: "n2" },
        containerSpec: { imageUri: "second" },
      });
    });
  });
}

describe("launching with secrets", () => {
  let world: VertexWorld;
  beforeEach(async () => {
    world = await openWorld("rest");
  });
  afterEach(() => world.close());

  const parts = runOf("runs", { agent: { env: { TOKEN: { secret: "ssm:/prod/token" } } } });

  it("puts the text of a secret into the job, and never into the plan", async () => {
    const backend = world.open({}, { secret: async (reference) => `$(HOME) of ${reference}` });
    const { plan: planned, key } = await plan(backend, parts);
    expect(JSON.stringify(planned)).not.toMatch(/HOME/);
    expect(planned.secrets).toContain("TOKEN");
    await backend.launch(planned, key, never());
    const env = world.service.jobs()[0]?.jobSpec.workerPoolSpecs?.[0]?.containerSpec?.env;
    // Doubled, the dollar is no reference to another variable.
    expect(env).toContainEqual({ name: "TOKEN", value: "$$(HOME) of ssm:/prod/token" });
  });

  it("sends nothing when a secret cannot be had", async () => {
    const backend = world.open(
      {},
      {
        secret: async () => {
          throw new PermanentError("not_found", "no parameter /prod/token");
        },
      },
    );
    expect(await thrownBy(launch(backend, parts))).toMatchObject({ code: "not_found" });
    expect(world.service.calls).toEqual([]);
  });
});

describe("the limit of a process", () => {
  it("is its share of what all processes may submit", async () => {
    const world = await openWorld("rest");
    const rates = launchRates({ processes: 60, now: world.service.now });
    const [first, second] = [0, 1].map(() => world.open({}, { launchRates: rates }));
    if (first === undefined || second === undefined) throw new Error("two were opened");
    expect(await launch(first, runOf("runs"))).toMatchObject({ type: "launched" });
    // Another agent of the same process shares the project's tokens.
    expect(await launch(second, runOf("runs", { runId: "run-2" }))).toMatchObject({
      type: "throttled",
      message: expect.stringContaining("60, shared by 60 processes") as string,
    });
    expect(world.service.calls).toEqual(["CreateCustomJob"]);
    await world.close();
  });

  it("keeps jobs back that the project may not submit yet, without asking", async () => {
    const world = await openWorld("rest", { submissionsPerMinute: 2 });
    const backend = world.open({ options: { submissions_per_minute: 2 } });
    for (const runId of ["run-1", "run-2"]) {
      expect(await launch(backend, runOf("runs", { runId }))).toMatchObject({ type: "launched" });
    }
    const answer = await launch(backend, runOf("runs", { runId: "run-3" }));
    expect(answer).toEqual({
      type: "throttled",
      message: expect.stringMatching(
        /2 vertex jobs a minute \(submissions_per_minute: 2\).*next in 60 s/,
      ) as string,
    });
    expect(world.service.calls).toHaveLength(2);
    world.service.advance(60_000);
    expect(await launch(backend, runOf("runs", { runId: "run-3" }))).toMatchObject({
      type: "launched",
    });
    await world.close();
  });
});

describe("a launch whose lease ended on its way to Google", () => {
  it("sends nothing, as long as it waited for a token", async () => {
    const world = await openWorld("rest");
    const controller = new AbortController();
    const { ready, ...others } = noCredentials();
    const late = async () => {
      const signer = await ready();
      controller.abort();
      return signer;
    };
    const credentials = () => ({ ...others, ready: late });
    const backend = vertexBackend(world.agent, testWorld(), { credentials });
    const { plan: planned, key } = await plan(backend);
    expect(await backend.launch(planned, key, controller.signal)).toMatchObject({
      type: "unavailable",
      message: expect.stringMatching(/gives no token .*in time/) as string,
    });
    expect(world.service.calls).toEqual([]);
    await world.close();
  });

  it("sends nothing when the process was frozen and only then learns of the time", async () => {
    const world = await openWorld("rest");
    const { ready, ...others } = noCredentials();
    let freezes = false;
    const freezing = async () => {
      const signer = await ready();
      // Nothing else runs meanwhile, as in a function that is frozen.
      if (freezes) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
      return signer;
    };
    const backend = vertexBackend(world.agent, testWorld(), {
      credentials: () => ({ ...others, ready: freezing }),
    });
    const { plan: planned, key } = await plan(backend);
    await backend.find(key);
    freezes = true;
    const launching = backend.launch(planned, key, AbortSignal.timeout(50));
    await expect(launching).rejects.toThrow(/abort/);
    expect(world.service.calls).toEqual(["ListCustomJobs"]);
    await world.close();
  });
});

async function thrownBy(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("expected something thrown");
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}
