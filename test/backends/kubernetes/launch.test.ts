import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { LaunchAnswer } from "../../../src/backend.ts";
import { LAUNCH_LABEL, RUN_LABEL } from "../../../src/backends/kubernetes/names.ts";
import { PermanentError } from "../../../src/errors.ts";
import { never, newId, thrownBy } from "../../contracts/backend-steps.ts";
import { launchRequest, type RequestParts } from "../../contracts/request.ts";
import { type FakeKubernetes, fakeKubernetes, kubeconfigFor } from "../../fakes/kubernetes.ts";
import { openOn, parts } from "./harness.ts";

let fake: FakeKubernetes;
beforeEach(async () => {
  fake = await fakeKubernetes();
});
afterEach(() => fake.close());

async function launchOn(
  backend = openOn(fake),
  request: RequestParts = parts(["run"]),
): Promise<LaunchAnswer> {
  const wanted = launchRequest({ ...request, runId: request.runId ?? newId() });
  const plan = await backend.plan(wanted);
  const key = { runId: wanted.run.id, launch: wanted.launch, target: plan.target };
  return backend.launch(plan, key, never());
}

const JOBS = /\/jobs$/;

describe("launching a Job", () => {
  it("takes one call, of exactly what was planned", async () => {
    const backend = openOn(fake);
    const request = launchRequest(parts(["run"], { runId: "run-7" }));
    const plan = await backend.plan(request);
    await backend.launch(plan, { runId: "run-7", launch: 1, target: plan.target }, never());
    expect(fake.requests).toEqual(["POST /apis/batch/v1/namespaces/default/jobs"]);
    expect(fake.job("sluice-run-7-1")).toMatchObject(plan.launch["job"] as object);
  });

  it("keeps fields of a template that no client knows", async () => {
    const spec = { shiny: true, containers: [{ name: "a" }] };
    const job_template = { spec: { brandNew: 1, template: { spec } } };
    await launchOn(
      undefined,
      parts(["run"], { runId: "run-7", config: { options: { job_template } } }),
    );
    const sent = fake.job("sluice-run-7-1").spec;
    expect(sent).toMatchObject({ brandNew: 1, template: { spec: { shiny: true } } });
  });

  it("adopts the Job of its own launch whose creation was not answered", async () => {
    fake.faults.push({ method: "POST", path: JOBS, answer: "lost" });
    const request = parts(["run"], { runId: "run-7" });
    const thrown = await thrownBy(() => launchOn(undefined, request));
    expect(thrown).toBeInstanceOf(Error);
    expect(thrown).not.toBeInstanceOf(PermanentError);
    expect(await launchOn(openOn(fake), request)).toMatchObject({
      type: "launched",
      job: { id: "default/sluice-run-7-1" },
    });
    expect(fake.store.created).toBe(1);
  });

  it("leaves a launch open whose request was cut off", async () => {
    fake.faults.push({ method: "POST", path: JOBS, answer: "reset" });
    const thrown = await thrownBy(() => launchOn());
    expect(String(thrown)).toContain(`the Kubernetes API at ${fake.url} gave no answer`);
    expect(thrown).not.toBeInstanceOf(PermanentError);
    expect(fake.store.created).toBe(0);
  });

  it.each([
    ["no label", {}],
    ["the label of another run", { [RUN_LABEL]: "other", [LAUNCH_LABEL]: "1" }],
    ["the label of another launch", { [RUN_LABEL]: "run-7", [LAUNCH_LABEL]: "2" }],
  ])("refuses a Job of its name with %s, and leaves it alone", async (_, labels) => {
    const request = parts(["run"], { runId: "run-7" });
    await launchOn(undefined, request);
    const job = fake.job("sluice-run-7-1");
    job.metadata.labels = labels;
    await expect(launchOn(undefined, request)).rejects.toMatchObject({
      name: "PermanentError",
      code: "rejected",
      message: expect.stringContaining("Job default/sluice-run-7-1 exists and is not of run run-7"),
    });
    expect(fake.job("sluice-run-7-1")).toBe(job);
  });

  it("leaves a launch open whose Job vanishes while it is adopted", async () => {
    fake.faults.push({
      method: "POST",
      path: JOBS,
      answer: { status: 409, reason: "AlreadyExists" },
    });
    await expect(launchOn()).rejects.toThrow(/was there and is gone/);
  });

  it.each([
    [403, "Forbidden", 'jobs.batch is forbidden: User "sluice" cannot create resource "jobs"'],
    [404, "NotFound", 'namespaces "flows" not found'],
    [422, "Invalid", "spec.template.spec.containers[0].image: Required value"],
    [400, "BadRequest", "strict decoding error"],
    [413, "RequestEntityTooLarge", "limit is 3145728"],
  ])("is refused for good by %i, in Kubernetes' words", async (status, reason, message) => {
    fake.faults.push({ method: "POST", path: JOBS, answer: { status, reason, message } });
    await expect(launchOn()).rejects.toMatchObject({
      name: "PermanentError",
      code: "rejected",
      message: expect.stringContaining(message),
    });
  });

  it.each([
    [500, "InternalError", "failed calling webhook"],
    [503, "ServiceUnavailable", "apiserver is shutting down"],
    [504, "Timeout", "request did not complete within the allotted timeout"],
    [409, "Conflict", "Operation cannot be fulfilled on resourcequotas"],
  ])("is left open by %i %s", async (status, reason, message) => {
    fake.faults.push({ method: "POST", path: JOBS, answer: { status, reason, message } });
    const thrown = await thrownBy(() => launchOn());
    expect(thrown).not.toBeInstanceOf(PermanentError);
    expect(String(thrown)).toContain(message);
  });

  it.each([
    [429, "throttled", "too many requests"],
    [
      403,
      "refused",
      'jobs.batch "x" is forbidden: exceeded quota: few, requested: count/jobs.batch=1',
    ],
    [401, "unavailable", "Unauthorized"],
  ])("answers %i with %s", async (status, type, message) => {
    fake.faults.push({ method: "POST", path: JOBS, answer: { status, message } });
    const answer = await launchOn();
    expect(answer).toMatchObject({ type, message: expect.stringContaining(message) });
    expect(fake.store.created).toBe(0);
  });

  it("is unavailable where nobody listens", async () => {
    const closed = await portOfNobody();
    const secret = async () => kubeconfigFor(`http://127.0.0.1:${closed}`);
    const answer = await launchOn(openOn(fake, {}, { secret }));
    expect(answer.type).toBe("unavailable");
    expect(answer).toHaveProperty("message", expect.stringMatching(/ECONNREFUSED/));
  });

  it("is unavailable with the wrong token, and says so", async () => {
    const secret = async () => kubeconfigFor(fake.url, "expired");
    const answer = await launchOn(openOn(fake, {}, { secret }));
    expect(answer).toMatchObject({
      type: "unavailable",
      message: expect.stringMatching(/401.*credentials must be renewed/),
    });
  });

  it("makes texts of values, reads secrets and leaves out what is null", async () => {
    const secret = async (reference: string) =>
      reference === "ssm:/db" ? "hush$(T)" : fake.kubeconfig;
    const request = parts(["run"], {
      runId: "run-7",
      agent: { backend: "kubernetes", env: { DB: { secret: "ssm:/db" } } },
      env: { N: 1, B: true, T: "text", Z: null },
    });
    const backend = openOn(fake, {}, { secret });
    const plan = await backend.plan(launchRequest(request));
    expect(JSON.stringify(plan.launch)).not.toContain("hush");
    expect(plan.secrets).toEqual(["DB"]);
    await launchOn(backend, request);
    const [container] = fake.job("sluice-run-7-1").spec.template.spec.containers;
    expect(container?.env).toEqual(
      expect.arrayContaining([
        { name: "DB", value: "hush$$(T)" },
        { name: "N", value: "1" },
        { name: "B", value: "true" },
        { name: "T", value: "text" },
      ]),
    );
    expect(container?.env?.map(({ name }) => name)).not.toContain("Z");
  });

  it("goes to the namespace a flow runner names, and is found there by its target", async () => {
    const backend = openOn(fake);
    const request = launchRequest(
      parts(["run"], {
        runId: "run-7",
        config: { dialect: "orion", options: { namespace: "flows" } },
      }),
    );
    const plan = await backend.plan(request);
    const key = { runId: "run-7", launch: 1, target: plan.target };
    await backend.launch(plan, key, never());
    expect(plan.target).toBe("flows");
    expect((await openOn(fake).find(key)).map(({ id }) => id)).toEqual(["flows/sluice-run-7-1"]);
  });

  it("finds the namespace in a target behind a context whose name has slashes", async () => {
    const context = "arn:aws:eks:eu-central-1:1:cluster/a/b";
    const secret = async () => {
      const config = JSON.parse(fake.kubeconfig) as { contexts: { name: string }[] };
      return JSON.stringify({ ...config, contexts: [{ ...config.contexts[0], name: context }] });
    };
    const backend = openOn(fake, { context, namespace: "flows" }, { secret });
    const request = launchRequest(parts(["run"], { runId: "run-7" }));
    const plan = await backend.plan(request);
    const key = { runId: "run-7", launch: 1, target: plan.target };
    await backend.launch(plan, key, never());
    expect(plan.target).toBe(`${context}/flows`);
    expect(await backend.find(key)).toHaveLength(1);
  });
});

async function portOfNobody(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
