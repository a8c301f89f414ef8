import { describe, expect, test } from "vitest";
import { BACKEND_CALLS, type Calls, LAUNCH_CALLS } from "../../scripts/costs/usage.ts";
import type { Backend, World } from "../../src/backend.ts";
import { backend as ecs } from "../../src/backends/ecs/index.ts";
import { googleCredentials } from "../../src/backends/vertex/credentials.ts";
import { vertexBackend } from "../../src/backends/vertex/index.ts";
import { googleIdentity } from "../../src/credentials/google.ts";
import type { Job } from "../../src/run.ts";
import { readTemplateInLambda } from "../../src/templates/lambda.ts";
import { MINUTE } from "../../src/time.ts";
import type { BackendHarness } from "../contracts/backend.ts";
import { launch, MOST_TICKS, never, planned, until } from "../contracts/backend-steps.ts";
import { testAgent } from "../contracts/request.ts";
import { type AnswerServer, type Asked, answerServer } from "../fakes/answers.ts";
import { fakeEcs } from "../fakes/ecs.ts";
import { federation, googleProcess, token, tokenService } from "../fakes/google-tokens.ts";
import { fakeKubernetes } from "../fakes/kubernetes.ts";
import { testWorld } from "../fakes/world.ts";
import { openDocker } from "./docker/harness.ts";
import { openOn, parts } from "./kubernetes/harness.ts";
import { openWorld, runOf } from "./vertex/world.ts";

/** A platform that tells which calls have reached it. */
interface Counted extends Pick<BackendHarness, "backend" | "runs" | "succeeds" | "tick" | "close"> {
  readonly calls: readonly string[];
  /** What tidies away a job some time after its end; only platforms that keep them need it. */
  readonly tidies?: {
    /** The backend of a process that knows which launches are over. */
    open(isOver: NonNullable<World["isOver"]>): Backend;
    /** Lets so much time pass that a job that has ended is in the way. */
    later(): void;
  };
}

/** How each platform is imitated; `local` calls nobody. */
const PLATFORMS: Readonly<Record<keyof typeof BACKEND_CALLS, () => Promise<Counted>>> = {
  async ecs() {
    const fake = await fakeEcs();
    const agent = { name: "prod", backend: "ecs", options: { log_group: "/sluice/flows" } };
    const world = testWorld({ env: fake.env, now: fake.now, once: (_, make) => make() });
    const flow = {
      name: "load",
      storage: { type: "Docker", image_name: "etl", image_tag: "1" },
    };
    const base = { agent, flow };
    return {
      ...fake,
      backend: ecs.open(testAgent(agent), world),
      runs: { ...base, command: ["sleep"] },
      succeeds: { ...base, command: ["exit", "0"] },
    };
  },
  async vertex() {
    const { service, open, close } = await openWorld("rest");
    const { calls, tick } = service;
    return {
      backend: open(),
      runs: runOf("runs"),
      succeeds: runOf("succeeds"),
      calls,
      tick,
      close,
    };
  },
  async kubernetes() {
    const fake = await fakeKubernetes();
    return {
      backend: openOn(fake),
      runs: parts(["run"]),
      succeeds: parts(["exit", "0"]),
      calls: fake.requests,
      tidies: {
        open: (isOver) => openOn(fake, {}, { isOver }),
        later: () => fake.advance(1, 3_600),
      },
      tick: () => fake.advance(),
      close: () => fake.close(),
    };
  },
  async docker() {
    const { docker, backend, open, request, close } = await openDocker();
    const tick = () => docker.tick();
    return {
      backend,
      runs: request("forever"),
      succeeds: request("exit", "0"),
      calls: docker.calls,
      tidies: {
        open: (isOver) => open({ isOver }),
        later: () => {
          docker.now = new Date(docker.now.getTime() + 30 * MINUTE);
        },
      },
      tick,
      close,
    };
  },
};

/** What belongs to one run alone, such as its name in a path, is left out of a call. */
function plain(call: string): string {
  const [text = ""] = call.split("?");
  return text
    .replace(/sluice-[\w-]+/g, "NAME")
    .replace(/[0-9a-f]{64}/g, "ID")
    .replace(/\/v1\.\d+(?=\/)/, "");
}

async function counted(calls: readonly string[], work: () => Promise<unknown>): Promise<Calls> {
  const before = calls.length;
  await work();
  return tally(calls.slice(before).map(plain));
}

function tally(calls: readonly string[]): Calls {
  const counts: Record<string, number> = {};
  for (const call of calls) counts[call] = (counts[call] ?? 0) + 1;
  return counts;
}

/** Everything a run may ask of a platform, by a process that has launched before. */
async function pieces(platform: Counted): Promise<Readonly<Record<string, Calls>>> {
  const { backend, runs, calls } = platform;
  const jobs = [(await launch(platform, runs)).job, (await launch(platform, runs)).job];
  const { plan, key } = await planned(platform, runs);
  const launching = await counted(calls, async () => {
    const answer = await backend.launch(plan, key, new AbortController().signal);
    if (answer.type === "launched") jobs.unshift(answer.job);
  });
  for (const job of jobs) await until(platform, job, ({ type }) => type === "running");
  const [job, other] = jobs;
  if (job === undefined || other === undefined) throw new Error("not launched");
  return {
    launch: launching,
    "look at 3 jobs": await counted(calls, () => backend.inspect(jobs)),
    "look that finds an end": await lookAtEnd(platform),
    find: await counted(calls, () => backend.find(key)),
    cancel: await counted(calls, () => backend.cancel(job)),
    ...(backend.logs && { logs: await counted(calls, async () => backend.logs?.(job)) }),
    ...(platform.tidies && {
      "tidy up, one finished job": await tidied(platform, platform.tidies, other),
    }),
  };
}

/** The look that tells that a job has ended. */
async function lookAtEnd(platform: Counted): Promise<Calls> {
  const { backend, calls, succeeds, tick } = platform;
  const { job } = await launch(platform, succeeds);
  for (let ticks = 0; ticks < MOST_TICKS; ticks++) {
    await tick();
    let ended = false;
    const look = await counted(calls, async () => {
      const [status] = await backend.inspect([job]);
      ended = status?.type === "ended";
    });
    if (ended) return look;
  }
  throw new Error("the job does not end");
}

/** Tidying after a look at a job that runs, when another one has ended. */
async function tidied(
  platform: Counted,
  { open, later }: NonNullable<Counted["tidies"]>,
  other: Job,
): Promise<Calls> {
  const { key, job } = await launch(platform, platform.succeeds);
  await until(platform, job, ({ type }) => type === "ended");
  later();
  const backend = open(async (runId) => runId === key.runId);
  return counted(platform.calls, async () => backend.tidy?.([other], never()));
}

describe("a run calls its platform", () => {
  test.each(Object.entries(PLATFORMS))("as ARCHITECTURE.md says: %s", async (name, open) => {
    const platform = await open();
    try {
      expect(await pieces(platform)).toEqual(BACKEND_CALLS[name as keyof typeof BACKEND_CALLS]);
    } finally {
      await platform.close();
    }
  });
});

const JOB =
  "apiVersion: batch/v1\nkind: Job\nspec: {template: {spec: {containers: [{name: flow}]}}}\n";

/** The buckets of S3 and Cloud Storage, with one template and its mark in each. */
async function buckets() {
  const known = (headers: Asked["headers"], url: string) =>
    headers["if-none-match"] === '"1"' || url.includes("ifGenerationNotMatch=1");
  return answerServer(({ headers, url }, response) => {
    const marks = { etag: '"1"', "x-goog-generation": "1" };
    if (known(headers, url)) return void response.writeHead(304, marks).end();
    response.writeHead(200, marks).end(JOB);
  });
}

/** An operation as it is asked for: S3's by the name its SDK gives it, and Google's by their paths. */
function operationOf({ method, url }: Asked): string {
  const { pathname, searchParams } = new URL(url, "http://service");
  const ofS3 = searchParams.get("x-id");
  if (ofS3 !== null) return `s3 ${ofS3}`;
  const path = pathname
    .replace(/b\/[^/]+\/o\/.+/, "b/BUCKET/o/NAME")
    .replace(/serviceAccounts\/[^:]+/, "serviceAccounts/ACCOUNT");
  return `${serviceOf(path)} ${method} ${path}`;
}

function serviceOf(path: string): string {
  if (path.startsWith("/storage/")) return "storage";
  return path.endsWith(":generateAccessToken") ? "iamcredentials" : "sts";
}

/** What services are asked for while something is done. */
async function askedFor(services: readonly AnswerServer[], work: () => Promise<unknown>) {
  const before = services.map(({ asked }) => asked.length);
  await work();
  return tally(services.flatMap(({ asked }, at) => asked.slice(before[at]).map(operationOf)));
}

/** A launch on Kubernetes by a function that has read its template before. */
async function withTemplate(place: string): Promise<Calls> {
  await using stored = await buckets();
  await using tokens = await tokenService(token("federated"));
  await using here = await googleProcess();
  here.asFunction();
  await here.use(federation(tokens.url));
  const { endpoint } = stored;
  const readTemplate = readTemplateInLambda({
    files: "/",
    s3: { endpoint, forcePathStyle: true },
    gcs: { endpoint, identity: googleIdentity({ scope: "read_only" }) },
  });
  const fake = await fakeKubernetes();
  try {
    const backend = openOn(fake, { job_template_path: place }, { readTemplate });
    const launching = () => launch({ backend }, parts(["run"]));
    await launching();
    return await askedFor([stored, tokens], launching);
  } finally {
    await fake.close();
  }
}

/** The first launch on Vertex AI of a function, which the second needs nothing of. */
async function withFederation(): Promise<Calls> {
  const exchanged = token("federated");
  const expireTime = new Date(Date.now() + 60 * MINUTE).toISOString();
  await using tokens = await tokenService(exchanged, [200, { accessToken: "account", expireTime }]);
  await using here = await googleProcess();
  here.asFunction();
  await here.use({
    ...federation(tokens.url),
    service_account_impersonation_url: `${tokens.endpoint}/v1/projects/-/serviceAccounts/sluice@my-project.iam.gserviceaccount.com:generateAccessToken`,
  });
  const { agent, service, close } = await openWorld("rest");
  try {
    const backend = vertexBackend(agent, testWorld(), { credentials: googleCredentials });
    const launching = () => launch({ backend }, runOf("runs"));
    const first = await askedFor([tokens], launching);
    expect(service.authorizations).toEqual(["Bearer account"]);
    expect(await askedFor([tokens], launching)).toEqual({});
    return first;
  } finally {
    await close();
  }
}

test("a launch calls others beside its platform as ARCHITECTURE.md says", async () => {
  expect({
    "a template on `s3://`": await withTemplate("s3://templates/job.yaml"),
    "a template on `gs://`": await withTemplate("gs://templates/job.yaml"),
    "the first token of Google's by a federation, and the next after an hour":
      await withFederation(),
  }).toEqual(LAUNCH_CALLS);
});
