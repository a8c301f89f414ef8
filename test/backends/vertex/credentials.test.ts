import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Backend } from "../../../src/backend.ts";
import { googleCredentials, noCredentials } from "../../../src/backends/vertex/credentials.ts";
import { vertexBackend } from "../../../src/backends/vertex/index.ts";
import { launchRequest } from "../../contracts/request.ts";
import {
  EXPIRED,
  federation,
  type GoogleProcess,
  googleProcess,
  silentTokenService,
  token,
  tokenService,
} from "../../fakes/google-tokens.ts";
import { fakeVertex, ServiceError, UNAUTHENTICATED } from "../../fakes/vertex.ts";
import { serveRest, type VertexServer } from "../../fakes/vertex-server.ts";
import { testWorld } from "../../fakes/world.ts";
import { runOf, vertexAgent } from "./world.ts";

let here: GoogleProcess;
beforeEach(async () => {
  here = await googleProcess();
});
afterEach(() => here[Symbol.asyncDispose]());

const NOT_ACCEPTED = new ServiceError(UNAUTHENTICATED, "Request had invalid credentials.");

describe("launching with Google's credentials", () => {
  let server: VertexServer;
  const service = fakeVertex();
  beforeEach(async () => {
    server = await serveRest(service);
    service.calls.length = 0;
  });
  afterEach(() => server.close());

  function open(env: Readonly<Record<string, string>> = {}): Backend {
    const agent = vertexAgent({ api_endpoint: `http://127.0.0.1:${server.port}` });
    return vertexBackend(agent, testWorld({ env }), { credentials: googleCredentials });
  }

  async function launch(backend = open(), signal = new AbortController().signal) {
    const request = launchRequest(runOf("runs"));
    const plan = await backend.plan(request);
    const key = { runId: "run-1", launch: 1, target: plan.target };
    return backend.launch(plan, key, signal);
  }

  it("needs no key in a function: its role is exchanged for a token", async () => {
    await using tokens = await tokenService(token("federated"));
    await here.use(federation(tokens.url));
    here.asFunction();
    expect(await launch()).toMatchObject({ type: "launched" });
    expect(service.authorizations.at(-1)).toBe("Bearer federated");
    const subject = decodeURIComponent(tokens.forms[0]?.get("subject_token") ?? "");
    expect(subject).toMatch(/sts\.eu-west-1\.amazonaws\.com/);
    expect(subject).not.toMatch(/secret-of-the-function/);
    expect(tokens.asked).toHaveLength(1);
  });

  it("is refused, before anything is sent, when the credentials have expired", async () => {
    await using tokens = await tokenService(EXPIRED);
    await here.use(federation(tokens.url));
    here.asFunction();
    await expect(launch()).rejects.toMatchObject({
      code: "rejected",
      message: expect.stringMatching(
        /does not accept the credentials.*has expired.*set GOOGLE_APPLICATION_CREDENTIALS/s,
      ) as string,
    });
    expect(service.calls).toEqual([]);
  });

  it.each([500, 503, 429])(
    "is unavailable, before anything is sent, when the token service answers %i",
    async (status) => {
      await using tokens = await tokenService([status, { error: "internal_failure" }]);
      await here.use(federation(tokens.url));
      here.asFunction();
      expect(await launch()).toMatchObject({
        type: "unavailable",
        message: expect.stringMatching(/gives no token .*just now/) as string,
      });
      expect(service.calls).toEqual([]);
    },
  );

  it("is unavailable, before anything is sent, when the token service cannot be reached", async () => {
    await here.use(federation("http://127.0.0.1:1/v1/token"));
    here.asFunction();
    expect(await launch()).toMatchObject({
      type: "unavailable",
      message: expect.stringMatching(/ECONNREFUSED/) as string,
    });
    expect(service.calls).toEqual([]);
  });

  it.each([
    ["a file that is not there", undefined, /no Google Cloud credentials.*nowhere\.json/s],
    ["a file that is no JSON", '{"private_key":hunter2', /no Google Cloud credentials.*not JSON/],
    [
      "a file of an unknown kind",
      { type: "friendship" },
      /no Google Cloud credentials.*client_email/,
    ],
    [
      "a key that is none",
      { type: "service_account", project_id: "p", client_email: "a@b", private_key: "hunter2" },
      /does not accept the credentials|gives no token/,
    ],
  ] as const)("is refused, before anything is sent, with %s", async (_, content, message) => {
    if (content === undefined) process.env["GOOGLE_APPLICATION_CREDENTIALS"] = "/nowhere.json";
    else await here.use(content);
    const thrown = await launch().catch((error: unknown) => error);
    expect(thrown).toMatchObject({
      code: "rejected",
      message: expect.stringMatching(message) as string,
    });
    expect(String(thrown)).toMatch(/set GOOGLE_APPLICATION_CREDENTIALS/);
    expect(String(thrown)).not.toMatch(/hunter2/);
    expect(service.calls).toEqual([]);
  });

  it("is refused by the plan already, with a file that cannot be used", async () => {
    await here.use("{");
    const env = { GOOGLE_APPLICATION_CREDENTIALS: here.file };
    const planning = open(env).plan(launchRequest(runOf("runs")));
    await expect(planning).rejects.toMatchObject({ code: "rejected" });
    await here.use(federation("http://127.0.0.1:1/v1/token"));
    await expect(open(env).plan(launchRequest(runOf("runs")))).resolves.toBeDefined();
  });

  it("is refused, before anything is sent, with credentials of another cloud", async () => {
    await using tokens = await tokenService(token("other"));
    await here.use({ ...federation(tokens.url), universe_domain: "other.example" });
    here.asFunction();
    await expect(launch()).rejects.toMatchObject({
      code: "rejected",
      message: expect.stringMatching(/client cannot be used.*other\.example/s) as string,
    });
    expect(service.calls).toEqual([]);
  });

  it("is unavailable, before anything is sent, when no token comes before its signal", async () => {
    await using tokens = await silentTokenService();
    await here.use(federation(tokens.url));
    here.asFunction();
    const controller = new AbortController();
    const launching = launch(open(), controller.signal);
    await until(() => tokens.asked.length > 0);
    controller.abort();
    expect(await launching).toMatchObject({
      type: "unavailable",
      message: expect.stringMatching(/gives no token .*in time/) as string,
    });
    expect(service.calls).toEqual([]);
  });

  it("looks for credentials again at once when Vertex AI does not accept them", async () => {
    await using tokens = await tokenService(token("revoked"), token("renewed"));
    await here.use(federation(tokens.url));
    here.asFunction();
    service.fault({ method: "CreateCustomJob", when: "before", answer: NOT_ACCEPTED });
    expect(await launch()).toMatchObject({ type: "launched" });
    expect(service.authorizations.slice(-2)).toEqual(["Bearer revoked", "Bearer renewed"]);
    expect(service.calls).toEqual(["CreateCustomJob", "CreateCustomJob"]);
  });

  it("is refused when Vertex AI does not accept what it found again either, and the next looks anew", async () => {
    await using tokens = await tokenService(token("one"), token("two"), token("three"));
    await here.use(federation(tokens.url));
    here.asFunction();
    const backend = open();
    for (let times = 0; times < 2; times++) {
      service.fault({ method: "CreateCustomJob", when: "before", answer: NOT_ACCEPTED });
    }
    await expect(launch(backend)).rejects.toMatchObject({ code: "rejected" });
    expect(service.calls).toEqual(["CreateCustomJob", "CreateCustomJob"]);
    expect(await launch(backend)).toMatchObject({ type: "launched" });
    expect(service.authorizations.slice(-3)).toEqual(["Bearer one", "Bearer two", "Bearer three"]);
  });

  it("goes on with other credentials when those it had are not accepted any more", async () => {
    await using first = await tokenService(token("first", 1), EXPIRED);
    await using second = await tokenService(token("second"));
    const backend = open();
    here.asFunction();
    await here.use(federation(first.url));
    expect(await launch(backend)).toMatchObject({ type: "launched" });
    expect(service.authorizations.at(-1)).toBe("Bearer first");
    await here.use(federation(second.url));
    expect(await launch(backend)).toMatchObject({ type: "launched" });
    expect(service.authorizations.at(-1)).toBe("Bearer second");
  });

  it("goes on once the credentials are put right", async () => {
    await using tokens = await tokenService(token("federated"));
    const backend = open();
    process.env["GOOGLE_APPLICATION_CREDENTIALS"] = "/nowhere.json";
    await expect(launch(backend)).rejects.toMatchObject({ code: "rejected" });
    await here.use(federation(tokens.url));
    here.asFunction();
    expect(await launch(backend)).toMatchObject({ type: "launched" });
  });
});

describe("the project of an agent that names none", () => {
  const agent = { ...vertexAgent(), options: {} };
  const request = launchRequest(runOf("runs"));

  it("is the one of the process", async () => {
    const world = testWorld({ env: { GOOGLE_CLOUD_PROJECT: "ambient" } });
    const { target } = await vertexBackend(agent, world).plan(request);
    expect(target).toBe("projects/ambient/locations/us-central1");
  });

  it("is the one the credentials name", async () => {
    const key = {
      type: "service_account",
      project_id: "of-the-key",
      client_email: "a@b",
      private_key: "x",
    };
    await here.use(key);
    expect(await googleCredentials().projectId("prod")).toBe("of-the-key");
  });

  it("is asked for where there are no credentials", async () => {
    process.env["GOOGLE_APPLICATION_CREDENTIALS"] = "/nowhere.json";
    await expect(vertexBackend(agent, testWorld()).plan(request)).rejects.toThrow(
      new RegExp(`the agent ${agent.name} names no.*nowhere.json.*set project in sluice.yml`),
    );
  });

  it("is asked for where nobody names one", async () => {
    const backend = vertexBackend(agent, testWorld(), { credentials: noCredentials });
    await expect(backend.plan(request)).rejects.toMatchObject({
      code: "invalid",
      message: expect.stringMatching(
        new RegExp(`the agent ${agent.name} names no.*set project in sluice.yml`),
      ) as string,
    });
  });
});

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}
