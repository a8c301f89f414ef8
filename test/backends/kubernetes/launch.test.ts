import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { LaunchAnswer } from "../../../src/backend.ts";
import { backend as module } from "../../../src/backends/kubernetes/index.ts";
import {
  INSTALLATION_LABEL,
  LAUNCH_LABEL,
  namespaceOf,
  RUN_LABEL,
} from "../../../src/backends/kubernetes/names.ts";
import { PermanentError } from "../../../src/errors.ts";
import { silentLogger } from "../../../src/log.ts";
import { never, newId, thrownBy } from "../../contracts/backend-steps.ts";
import { launchRequest, type RequestParts, testAgent } from "../../contracts/request.ts";
import { type FakeKubernetes, fakeKubernetes, kubeconfigFor } from "../../fakes/kubernetes.ts";
import { testWorld } from "../../fakes/world.ts";
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
    [
      "the label of the installation sluice-dev",
      { [RUN_LABEL]: "run-7", [LAUNCH_LABEL]: "1", [INSTALLATION_LABEL]: "sluice-dev" },
    ],
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

  it("is refused for good with the wrong token, and says what to do", async () => {
    const secret = async () => kubeconfigFor(fake.url, "expired");
    await expect(launchOn(openOn(fake, {}, { secret }))).rejects.toMatchObject({
      code: "rejected",
      message: expect.stringMatching(/401.*expired: renew them/),
    });
  });

  it("is refused for good by the program that has no credentials, before anything is sent", async () => {
    const config = JSON.parse(fake.kubeconfig) as { users: object[] };
    config.users = [{ name: "sluice", user: { exec: { command: "/no/such/program" } } }];
    const secret = async () => JSON.stringify(config);
    await expect(launchOn(openOn(fake, {}, { secret }))).rejects.toMatchObject({
      code: "rejected",
      message: expect.stringMatching(/no credentials for Kubernetes.*install it/),
    });
    expect(fake.requests).toEqual([]);
  });

  it("waits where no credentials come while there is time, for nothing was sent", async () => {
    const config = JSON.parse(fake.kubeconfig) as { users: object[] };
    // It waits for input that never comes.
    config.users = [{ name: "sluice", user: { exec: { command: "cat" } } }];
    const backend = openOn(fake, {}, { secret: async () => JSON.stringify(config) });
    const plan = await backend.plan(launchRequest(parts(["run"], { runId: "run-7" })));
    const key = { runId: "run-7", launch: 1, target: plan.target };
    const message = `no credentials for the Kubernetes API at ${fake.url}: whoever gives them did not answer in time`;
    expect(await backend.launch(plan, key, AbortSignal.timeout(50))).toEqual({
      type: "unavailable",
      message,
    });
    expect(fake.requests).toEqual([]);
  });

  it.each([
    ["is missing", { kubeconfig: "/no/such/file" }, /kubeconfig \/no\/such\/file cannot be used/],
    ["has no such context", { context: "prod" }, /no context prod/],
  ])("is not even planned where the kubeconfig %s", async (_, options, message) => {
    const planning = openOn(fake, options).plan(launchRequest(parts(["run"])));
    await expect(planning).rejects.toMatchObject({ code: "rejected" });
    await expect(openOn(fake, options).plan(launchRequest(parts(["run"])))).rejects.toThrow(
      message,
    );
  });

  it("is planned with a warning where no cluster is known, and refused when it is made", async () => {
    const backend = module.open(testAgent({ backend: "kubernetes", options: {} }), testWorld());
    const request = launchRequest(parts(["run"], { runId: "run-7" }));
    const plan = await backend.plan(request);
    expect(plan).toMatchObject({ target: "default" });
    expect(plan.warnings).toEqual([expect.stringContaining("no cluster is known")]);
    const key = { runId: "run-7", launch: 1, target: plan.target };
    await expect(backend.launch(plan, key, never())).rejects.toMatchObject({ code: "rejected" });
  });

  it("waits while nobody can read its kubeconfig, and is then planned anew", async () => {
    let error: Error | undefined = new Error("no answer");
    const secret = async () => {
      if (error !== undefined) throw error;
      return fake.kubeconfig;
    };
    const backend = openOn(fake, {}, { secret });
    const request = launchRequest(parts(["run"], { runId: "run-7" }));
    const plan = await backend.plan(request);
    const key = { runId: "run-7", launch: 1, target: plan.target };
    const message = expect.stringContaining("no answer");
    expect(await backend.launch(plan, key, never())).toEqual({ type: "unavailable", message });
    error = undefined;
    expect(await backend.launch(plan, key, never())).toMatchObject({ type: "unavailable" });
    expect((await backend.plan(request)).target).not.toBe(plan.target);
    expect(fake.requests).toEqual([]);
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
    expect(plan.target).toBe(`${new URL(fake.url).host}/flows`);
    expect((await openOn(fake).find(key)).map(({ id }) => id)).toEqual(["flows/sluice-run-7-1"]);
  });

  it("finds the namespace behind an address with a path, whatever the context is called", async () => {
    const context = "arn:aws:eks:eu-central-1:1:cluster/a/b";
    const secret = async () => {
      const config = JSON.parse(kubeconfigFor(`${fake.url}/k8s/clusters/c-1`)) as {
        contexts: { name: string }[];
      };
      return JSON.stringify({ ...config, contexts: [{ ...config.contexts[0], name: context }] });
    };
    const backend = openOn(fake, { context, namespace: "flows" }, { secret });
    const plan = await backend.plan(launchRequest(parts(["run"])));
    expect(plan.target).toBe(`${new URL(fake.url).host}/k8s/clusters/c-1/flows`);
    expect(namespaceOf(plan.target)).toBe("flows");
  });
});

describe("a kubeconfig that leads to another cluster now", () => {
  let other: FakeKubernetes;
  let kubeconfig: string;
  beforeEach(async () => {
    other = await fakeKubernetes();
    kubeconfig = fake.kubeconfig;
  });
  afterEach(() => other.close());

  const opened = (lines: string[] = []) => {
    const log = { ...silentLogger, warn: (message: string) => void lines.push(message) };
    return openOn(fake, {}, { secret: async () => kubeconfig, log });
  };

  async function launchedHere() {
    const request = launchRequest(parts(["run"], { runId: newId() }));
    const plan = await opened().plan(request);
    const key = { runId: request.run.id, launch: 1, target: plan.target };
    const answer = await opened().launch(plan, key, never());
    if (answer.type !== "launched") throw new Error(answer.message);
    return { request, plan, key, job: answer.job };
  }

  it("starts no launch there that was planned here", async () => {
    const { request, plan, key } = await launchedHere();
    kubeconfig = other.kubeconfig;
    expect(await opened().launch(plan, key, never())).toMatchObject({
      type: "unavailable",
      message: expect.stringMatching(/was planned for .* now works at/),
    });
    expect((await opened().plan(request)).target).not.toBe(plan.target);
    expect(other.store.created).toBe(0);
  });

  it("says of Jobs here that it cannot ask about them, and nothing more", async () => {
    const { job } = await launchedHere();
    kubeconfig = other.kubeconfig;
    const away = /is at .*, and the kubeconfig of its agent now leads to .*: put it back/;
    await expect(opened().inspect([job])).rejects.toThrow(away);
    await expect(opened().cancel(job)).rejects.toThrow(away);
    await expect(opened().logs?.(job)).rejects.toThrow(away);
    const unknown = { ...job, id: "default/x", ref: { ...job.ref, name: "x", cluster: undefined } };
    const { cluster: _, ...earlier } = unknown.ref;
    const lines: string[] = [];
    expect(await opened(lines).inspect([job, { ...unknown, ref: earlier }])).toEqual([
      undefined,
      { type: "missing" },
    ]);
    expect(lines).toEqual(["jobs not asked about"]);
  });

  it("leaves it open whether a launch here was made", async () => {
    const { key } = await launchedHere();
    kubeconfig = other.kubeconfig;
    const { host: here } = new URL(fake.url);
    const { host: there } = new URL(other.url);
    await expect(opened().find(key)).rejects.toThrow(
      `launch 1 of run ${key.runId} was begun at ${here}/default, and the kubeconfig of its agent now leads to ${there}: put it back`,
    );
    kubeconfig = fake.kubeconfig;
    expect(await opened().find(key)).toHaveLength(1);
  });

  it("knows that a launch was made nowhere that was planned for no cluster", async () => {
    expect(await opened().find({ runId: newId(), launch: 1, target: "default" })).toEqual([]);
  });

  it("does no harm if it is the same cluster under another address", async () => {
    const { job, key } = await launchedHere();
    kubeconfig = fake.kubeconfig.replaceAll("127.0.0.1", "localhost");
    fake.advance(3);
    expect(await opened().inspect([job])).toMatchObject([{ type: "running" }]);
    expect(await opened().find(key)).toHaveLength(1);
    await opened().cancel(job);
    expect(fake.job(job.id.split("/")[1] ?? "").spec.activeDeadlineSeconds).toBe(1);
  });
});

async function portOfNobody(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
