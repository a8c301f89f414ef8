import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ECSClient, RegisterTaskDefinitionCommand } from "@aws-sdk/client-ecs";
import type { Metafile } from "esbuild";
import type * as Gax from "google-gax";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { bundleFunctions } from "../scripts/build.ts";
import type { Agent } from "../src/agent.ts";
import type { App } from "../src/app.ts";
import type { openAws as OpenAws } from "../src/aws/app.ts";
import type { Backend } from "../src/backend.ts";
import { noCredentials } from "../src/backends/vertex/credentials.ts";
import type { vertexBackend as VertexBackend } from "../src/backends/vertex/index.ts";
import { runOf, vertexAgent } from "./backends/vertex/world.ts";
import { launchRequest, type RequestParts } from "./contracts/request.ts";
import { type AnswerServer, answerServer } from "./fakes/answers.ts";
import { type FakeEcs, fakeEcs } from "./fakes/ecs.ts";
import { type FakeKubernetes, fakeKubernetes } from "./fakes/kubernetes.ts";
import { fakeVertex, RESOURCE_EXHAUSTED, ServiceError } from "./fakes/vertex.ts";
import { serveGrpc, serveRest, type VertexServer } from "./fakes/vertex-server.ts";
import { testWorld } from "./fakes/world.ts";

/**
 * The app of the functions as it is deployed: bundled, in a folder without packages, where only what the
 * bundles hold can be loaded.
 */
let folder: string;
let app: App;
let metafile: Metafile;
const vertex = fakeVertex();
let google: VertexServer;
let cluster: FakeKubernetes;
let ecs: FakeEcs;
let buckets: AnswerServer;
let tokens: AnswerServer;
/** A task definition of somebody else. */
let definition: string;

/** A template that all buckets have, as text and as what becomes of it. */
const TEMPLATE = { cpu: "512", memory: "1024", containerDefinitions: [{ name: "flow" }] };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sluice-bundles-"));
  google = await serveRest(vertex);
  cluster = await fakeKubernetes();
  ecs = await fakeEcs();
  definition = await register(ecs);
  buckets = await answerServer((_, response) => response.end(JSON.stringify(TEMPLATE)));
  tokens = await answerServer((_, response) =>
    response
      .writeHead(400, { "content-type": "application/json" })
      .end('{"error":"invalid_grant","error_description":"The token has expired."}'),
  );
  metafile = await bundleFunctions(folder, {
    app: "src/aws/app.ts",
    vertex: "src/backends/vertex/index.ts",
    // Its gRPC takes no credentials but those it has made itself.
    gax: "google-gax",
  });
  await writeFile(join(folder, "sluice.json"), JSON.stringify(agentsFile()));
  const env = {
    ...ecs.env,
    AWS_ENDPOINT_URL_S3: buckets.endpoint,
    STORAGE_EMULATOR_HOST: buckets.endpoint,
    KUBECONFIG_TEXT: cluster.kubeconfig,
    SLUICE_TABLE: "runs",
    SLUICE_QUEUE: "runs",
    SLUICE_CONFIG: join(folder, "sluice.json"),
    SLUICE_LAUNCH_LEASE_SECONDS: "120",
    SLUICE_KEEP_DAYS: "90",
  };
  // SDKs read the variables of their process.
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  const bundle = (await import(join(folder, "app.js"))) as { readonly openAws: typeof OpenAws };
  app = await bundle.openAws(env);
}, 120_000);

afterAll(async () => {
  vi.unstubAllEnvs();
  await Promise.all([google.close(), cluster.close(), ecs.close()]);
  await Promise.all([buckets[Symbol.asyncDispose](), tokens[Symbol.asyncDispose]()]);
  await rm(folder, { recursive: true });
});

async function register({ env }: FakeEcs): Promise<string> {
  const client = new ECSClient({
    region: env.AWS_REGION,
    endpoint: env.AWS_ENDPOINT_URL,
    credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret" },
  });
  const command = new RegisterTaskDefinitionCommand({
    family: "etl",
    containerDefinitions: [{ name: "flow", image: "etl:1" }],
    cpu: "256",
    memory: "512",
    networkMode: "awsvpc",
    requiresCompatibilities: ["FARGATE"],
  });
  const { taskDefinition } = await client.send(command);
  client.destroy();
  return taskDefinition?.taskDefinitionArn ?? "";
}

function agentsFile() {
  const vertex = { backend: "vertex", project: "my-project" };
  return {
    agents: {
      ecs: { backend: "ecs", templates: ["s3://bucket/", "gs://bucket/"] },
      kubernetes: { backend: "kubernetes", kubeconfig: { secret: "env:KUBECONFIG_TEXT" } },
      vertex: { ...vertex, api_endpoint: `http://127.0.0.1:${google.port}` },
      keyed: vertex,
    },
  };
}

async function open(name: string): Promise<{ readonly agent: Agent; readonly backend: Backend }> {
  const agent = app.agents.find((candidate) => candidate.name === name);
  if (agent === undefined) throw new Error(`no agent ${name}`);
  return { agent, backend: await app.backend(agent) };
}

async function launch(name: string, parts: RequestParts) {
  const { agent, backend } = await open(name);
  const plan = await backend.plan(launchRequest({ ...parts, agent }));
  const key = { runId: "run-1", launch: 1, target: plan.target };
  const answer = await backend.launch(plan, key, new AbortController().signal);
  return { backend, key, answer };
}

/** Credentials that a token service, at an address, exchanges for a token. */
async function useCredentials(tokenUrl: string): Promise<void> {
  const subject = join(folder, "subject");
  await writeFile(subject, "a token of ours");
  const credentials = join(folder, "google.json");
  const federation = {
    type: "external_account",
    audience:
      "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/a/providers/b",
    subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
    token_url: tokenUrl,
    credential_source: { file: subject },
  };
  await writeFile(credentials, JSON.stringify(federation));
  vi.stubEnv("GOOGLE_APPLICATION_CREDENTIALS", credentials);
}

describe("the bundles of the functions", () => {
  const image = "fake/runs";

  test.each([
    ["ecs", () => ({ type: "ECSRun", options: { task_definition_arn: definition } })],
    ["kubernetes", () => ({ type: "KubernetesRun", options: { image } })],
    ["vertex", () => ({ type: "VertexRun", options: { image } })],
  ] as const)(
    "hold all that agents with backend %s need to launch, find and inspect",
    async (name, config) => {
      const { backend, key, answer } = await launch(name, { config: config() });
      if (answer.type !== "launched") throw new Error(JSON.stringify(answer));
      const found = await backend.find(key);
      expect(found.map(({ id }) => id)).toEqual([answer.job.id]);
      expect(await backend.inspect([answer.job])).toMatchObject([{ type: "pending" }]);
    },
  );

  test.each(["s3://bucket/task.json", "gs://bucket/task.json"])("read %s", async (path) => {
    const { agent, backend } = await open("ecs");
    const options = { task_definition_path: path, image: "etl:1" };
    const request = launchRequest({ agent, config: { type: "ECSRun", options } });
    const { launch: planned } = await backend.plan(request);
    expect(planned["register_task_definition"]).toMatchObject({ cpu: "512", memory: "1024" });
  });

  test("load no package dynamically of which a bundle gives nothing but a default", () => {
    const packages = Object.values(metafile.outputs).filter(({ entryPoint = "" }) =>
      entryPoint.startsWith("node_modules/"),
    );
    const nameless = packages.filter(({ exports }) => exports.every((name) => name === "default"));
    expect(packages.length).toBeGreaterThan(5);
    expect(nameless.map(({ entryPoint }) => entryPoint)).toEqual([
      "node_modules/google-gax/build/src/index.js",
    ]);
  });

  test("read the details of Google's errors", async () => {
    const answer = new ServiceError(RESOURCE_EXHAUSTED, "Quota exceeded.", {
      reason: "QUOTA_EXCEEDED",
      metadata: { quota_metric: "aiplatform.googleapis.com/custom_model_training_cpus" },
    });
    vertex.fault({ method: "CreateCustomJob", when: "before", answer });
    const config = { type: "VertexRun", options: { image } };
    expect(await launch("vertex", { config })).toMatchObject({ answer: { type: "refused" } });
  });

  test("hold what Vertex AI needs over gRPC, and no more of its definitions than that", async () => {
    const grpcServer = await serveGrpc(vertex);
    const { vertexBackend } = (await import(join(folder, "vertex.js"))) as {
      readonly vertexBackend: typeof VertexBackend;
    };
    const { default: gax } = (await import(join(folder, "gax.js"))) as {
      readonly default: typeof Gax;
    };
    const agent = vertexAgent({ transport: "grpc", api_endpoint: `127.0.0.1:${grpcServer.port}` });
    const backend = vertexBackend(agent, testWorld(), {
      credentials: noCredentials,
      clientOptions: { sslCreds: gax.grpc.credentials.createInsecure(), projectId: "my-project" },
    });
    const request = launchRequest(runOf("runs", { runId: "run-2" }));
    const plan = await backend.plan(request);
    const key = { runId: "run-2", launch: 1, target: plan.target };
    const answer = await backend.launch(plan, key, new AbortController().signal);
    if (answer.type !== "launched") throw new Error(JSON.stringify(answer));
    expect(await backend.find(key)).toHaveLength(1);
    await backend.cancel(answer.job);
    expect(await backend.inspect([answer.job])).toMatchObject([{ detail: "cancelling" }]);
    await grpcServer.close();

    const protos = Object.values(metafile.outputs).flatMap(({ inputs }) =>
      Object.entries(inputs).filter(([path]) =>
        path.endsWith("aiplatform/build/protos/protos.json"),
      ),
    );
    expect(protos).toHaveLength(1);
    expect(protos[0]?.[1].bytesInOutput).toBeLessThan(100_000);
  });

  test("ask for tokens through a proxy, where there is one", async () => {
    const connects: string[] = [];
    const proxy = createServer().on("connect", ({ url = "" }, socket) => {
      connects.push(url);
      socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    const { port } = proxy.address() as AddressInfo;
    vi.stubEnv("HTTPS_PROXY", `http://127.0.0.1:${port}`);
    await useCredentials("https://tokens.example/v1/token");
    const config = { type: "VertexRun", options: { image } };
    await Promise.allSettled([launch("keyed", { config })]);
    vi.stubEnv("HTTPS_PROXY", undefined);
    await new Promise((resolve) => proxy.close(resolve));
    expect(new Set(connects)).toEqual(new Set(["tokens.example:443"]));
  });

  test("hold Google's library for credentials", async () => {
    await useCredentials(`${tokens.endpoint}/v1/token`);
    const launching = launch("keyed", { config: { type: "VertexRun", options: { image } } });
    await expect(launching).rejects.toMatchObject({
      code: "rejected",
      message: expect.stringContaining("The token has expired"),
    });
    expect(tokens.asked).toHaveLength(1);
  });
});
