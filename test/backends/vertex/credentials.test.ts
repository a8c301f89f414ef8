import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Backend } from "../../../src/backend.ts";
import { googleCredentials, noCredentials } from "../../../src/backends/vertex/credentials.ts";
import { vertexBackend } from "../../../src/backends/vertex/index.ts";
import type { JsonObject } from "../../../src/json.ts";
import { launchRequest } from "../../contracts/request.ts";
import { fakeVertex, ServiceError, UNAUTHENTICATED } from "../../fakes/vertex.ts";
import { serveRest, type VertexServer } from "../../fakes/vertex-server.ts";
import { testWorld } from "../../fakes/world.ts";
import { runOf, vertexAgent } from "./world.ts";

/** Google's libraries read the variables of the process; each test gives it its own. */
const NAMES = [
  "GOOGLE_APPLICATION_CREDENTIALS",
  "AWS_REGION",
  "AWS_ACCESS_KEY_ID",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SESSION_TOKEN",
] as const;

let folder: string;
let before: Record<string, string | undefined>;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "sluice-vertex-"));
  before = Object.fromEntries(NAMES.map((name) => [name, process.env[name]]));
});

afterEach(async () => {
  for (const [name, value] of Object.entries(before)) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  await rm(folder, { recursive: true });
});

async function useCredentials(content: JsonObject | string): Promise<void> {
  const file = join(folder, "credentials.json");
  await writeFile(file, typeof content === "string" ? content : JSON.stringify(content));
  process.env["GOOGLE_APPLICATION_CREDENTIALS"] = file;
}

/** A token service as Google's: it records what it is asked and answers as told. */
async function tokenService(...answers: readonly [status: number, answer: JsonObject][]) {
  const asked: URLSearchParams[] = [];
  const server: Server = createServer((request, response) => {
    let body = "";
    request.on("data", (part: Buffer) => {
      body += part.toString("utf8");
    });
    request.on("end", () => {
      const [status, answer] = answers[asked.length] ?? answers.at(-1) ?? [500, {}];
      asked.push(new URLSearchParams(body));
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify(answer));
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve());
  });
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}/v1/token`,
    asked,
    close: () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  };
}

function token(text: string, seconds = 3_600): [number, JsonObject] {
  const kind = "urn:ietf:params:oauth:token-type:access_token";
  const answer = { access_token: text, issued_token_type: kind, token_type: "Bearer" };
  return [200, { ...answer, expires_in: seconds }];
}

const EXPIRED: [number, JsonObject] = [
  400,
  { error: "invalid_grant", error_description: "The token of the pool has expired." },
];

/** What `gcloud iam workload-identity-pools create-cred-config --aws` writes. */
function federation(tokenUrl: string): JsonObject {
  return {
    universe_domain: "googleapis.com",
    type: "external_account",
    audience:
      "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/aws/providers/sluice",
    subject_token_type: "urn:ietf:params:aws:token-type:aws4_request",
    token_url: tokenUrl,
    credential_source: {
      environment_id: "aws1",
      region_url: "http://169.254.169.254/latest/meta-data/placement/availability-zone",
      url: "http://169.254.169.254/latest/meta-data/iam/security-credentials",
      regional_cred_verification_url:
        "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15",
    },
  };
}

function asFunction(): void {
  process.env["AWS_REGION"] = "eu-west-1";
  process.env["AWS_ACCESS_KEY_ID"] = "AKIDEXAMPLE";
  process.env["AWS_SECRET_ACCESS_KEY"] = "secret-of-the-function";
  process.env["AWS_SESSION_TOKEN"] = "session";
}

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

  async function launch(backend = open()) {
    const request = launchRequest(runOf("runs"));
    const plan = await backend.plan(request);
    const key = { runId: "run-1", launch: 1, target: plan.target };
    return backend.launch(plan, key, new AbortController().signal);
  }

  it("needs no key in a function: its role is exchanged for a token", async () => {
    const tokens = await tokenService(token("federated"));
    await useCredentials(federation(tokens.url));
    asFunction();
    expect(await launch()).toMatchObject({ type: "launched" });
    expect(service.authorizations.at(-1)).toBe("Bearer federated");
    const subject = decodeURIComponent(tokens.asked[0]?.get("subject_token") ?? "");
    expect(subject).toMatch(/sts\.eu-west-1\.amazonaws\.com/);
    expect(subject).not.toMatch(/secret-of-the-function/);
    expect(tokens.asked).toHaveLength(1);
    await tokens.close();
  });

  it("is refused, before anything is sent, when the credentials have expired", async () => {
    const tokens = await tokenService(EXPIRED);
    await useCredentials(federation(tokens.url));
    asFunction();
    await expect(launch()).rejects.toMatchObject({
      code: "rejected",
      message: expect.stringMatching(
        /does not accept the credentials.*has expired.*set GOOGLE_APPLICATION_CREDENTIALS/s,
      ) as string,
    });
    expect(service.calls).toEqual([]);
    await tokens.close();
  });

  it.each([500, 503, 429])(
    "is unavailable, before anything is sent, when the token service answers %i",
    async (status) => {
      const tokens = await tokenService([status, { error: "internal_failure" }]);
      await useCredentials(federation(tokens.url));
      asFunction();
      expect(await launch()).toMatchObject({
        type: "unavailable",
        message: expect.stringMatching(/gives no token .*just now/) as string,
      });
      expect(service.calls).toEqual([]);
      await tokens.close();
    },
  );

  it("is unavailable, before anything is sent, when the token service cannot be reached", async () => {
    await useCredentials(federation("http://127.0.0.1:1/v1/token"));
    asFunction();
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
    else await useCredentials(content);
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
    await useCredentials("{");
    const env = { GOOGLE_APPLICATION_CREDENTIALS: join(folder, "credentials.json") };
    const planning = open(env).plan(launchRequest(runOf("runs")));
    await expect(planning).rejects.toMatchObject({ code: "rejected" });
    await useCredentials(federation("http://127.0.0.1:1/v1/token"));
    await expect(open(env).plan(launchRequest(runOf("runs")))).resolves.toBeDefined();
  });

  it("is refused, before anything is sent, with credentials of another cloud", async () => {
    const tokens = await tokenService(token("other"));
    await useCredentials({ ...federation(tokens.url), universe_domain: "other.example" });
    asFunction();
    await expect(launch()).rejects.toMatchObject({
      code: "rejected",
      message: expect.stringMatching(/client cannot be used.*other\.example/s) as string,
    });
    expect(service.calls).toEqual([]);
    await tokens.close();
  });

  it("looks for credentials again once Vertex AI does not accept them", async () => {
    const tokens = await tokenService(token("revoked"), token("renewed"));
    await useCredentials(federation(tokens.url));
    asFunction();
    const backend = open();
    const answer = new ServiceError(UNAUTHENTICATED, "Request had invalid credentials.");
    service.fault({ method: "CreateCustomJob", when: "before", answer });
    await expect(launch(backend)).rejects.toMatchObject({ code: "rejected" });
    expect(await launch(backend)).toMatchObject({ type: "launched" });
    expect(service.authorizations.slice(-2)).toEqual(["Bearer revoked", "Bearer renewed"]);
    await tokens.close();
  });

  it("goes on with other credentials once those it had are not accepted any more", async () => {
    const first = await tokenService(token("first", 1), EXPIRED);
    const second = await tokenService(token("second"));
    const backend = open();
    asFunction();
    await useCredentials(federation(first.url));
    expect(await launch(backend)).toMatchObject({ type: "launched" });
    expect(service.authorizations.at(-1)).toBe("Bearer first");
    await useCredentials(federation(second.url));
    await expect(launch(backend)).rejects.toMatchObject({ code: "rejected" });
    expect(await launch(backend)).toMatchObject({ type: "launched" });
    expect(service.authorizations.at(-1)).toBe("Bearer second");
    await Promise.all([first.close(), second.close()]);
  });

  it("goes on once the credentials are put right", async () => {
    const tokens = await tokenService(token("federated"));
    const backend = open();
    process.env["GOOGLE_APPLICATION_CREDENTIALS"] = "/nowhere.json";
    await expect(launch(backend)).rejects.toMatchObject({ code: "rejected" });
    await useCredentials(federation(tokens.url));
    asFunction();
    expect(await launch(backend)).toMatchObject({ type: "launched" });
    await tokens.close();
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
    await useCredentials(key);
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
