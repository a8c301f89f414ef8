import { globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { GetQueueUrlCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { APIGatewayProxyEventV2, SQSEvent } from "aws-lambda";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Deployed, deploy } from "./deployment.ts";
import { listen } from "./listener.ts";

/** Agents for most samples: what runs on machines of one's own waits for them. */
const AGENTS = `
agents:
  prod: { backend: ecs, labels: [prod], task_definition_path: task.yml }
  any: { backend: ecs, task_definition_path: task.yml }
  box: { backend: docker, labels: [box] }
  engine: { backend: docker }
  here: { backend: local }
`;

let deployed: Deployed;

beforeAll(async () => {
  deployed = await deploy({ agents: AGENTS, idle: true });
  await deployed.addToken(token(), "run");
}, 300_000);
afterAll(() => deployed?.close(), 120_000);

/** The token of whoever calls the API in its sample. */
function token(): string {
  const { authorization = "" } = (read("api") as APIGatewayProxyEventV2).headers;
  return authorization.replace("Bearer ", "");
}

function read(sample: string): unknown {
  return JSON.parse(readFileSync(`events/${sample}.json`, "utf8"));
}

/**
 * Has the framework call the function of a sample with it. What the function answers. The samples are of
 * the stage dev, whose tasks are none of another stage's.
 */
async function invoke(sample: string): Promise<unknown> {
  const [name = ""] = sample.split(".");
  const text = readFileSync(`events/${sample}.json`, "utf8");
  const path = join(deployed.folder, `event.${sample}.json`);
  writeFileSync(path, text.replaceAll("sluice/sluice-dev/", `sluice/${deployed.name}/`));
  const said = await deployed.serverless("invoke", "local", "--function", name, "--path", path);
  // Log lines and metrics are objects on one line; the answer comes last, on several.
  const answer = said.slice(said.search(/^\{$/m));
  return said.search(/^\{$/m) < 0 ? undefined : (JSON.parse(answer) as unknown);
}

const runOf = (id: string) => deployed.runOf(id, token());

/** The ids of the runs a sample asks for. */
function idsIn(sample: string): readonly string[] {
  return (read(sample) as SQSEvent).Records.map(({ messageId, body }) => {
    const { run_id: id = messageId } = JSON.parse(body) as { readonly run_id?: string };
    return id;
  });
}

const HANDLED = { batchItemFailures: [] };
const LAUNCHED = { state: "submitted" };
const ELSEWHERE = { state: "waiting", reason: "agent" };
const NOWHERE = { state: "waiting", reason: "no_agent" };

const DISPATCHED: Readonly<Record<string, object>> = {
  "dispatch.docker": ELSEWHERE,
  "dispatch.ecs": LAUNCHED,
  "dispatch.flow-runner-docker": ELSEWHERE,
  "dispatch.flow-runner-kubernetes": NOWHERE,
  "dispatch.flow-runner-subprocess": ELSEWHERE,
  "dispatch.flow-runner-universal": LAUNCHED,
  "dispatch.kubernetes": NOWHERE,
  "dispatch.local": ELSEWHERE,
  "dispatch.universal": LAUNCHED,
  "dispatch.vertex": NOWHERE,
};

/** Samples that are no single message for `dispatch`; each has a test below. */
const OTHERS = [
  "abandon",
  "api",
  "dispatch.batch",
  "observe.ecs.running",
  "observe.ecs.spot-warning",
  "observe.ecs.stopped",
  "poll",
  "publish",
];

describe("invoked on one's own machine", { timeout: 120_000 }, () => {
  test("there is a test for every sample", () => {
    const files = globSync("events/*.json").map((file) => file.slice(7, -5));
    expect(files.sort()).toEqual([...Object.keys(DISPATCHED), ...OTHERS].sort());
  });

  test.each(Object.entries(DISPATCHED))("%s leaves its run %o", async (sample, expected) => {
    expect(await invoke(sample)).toEqual(HANDLED);
    const [id = ""] = idsIn(sample);
    expect(await runOf(id)).toMatchObject(expected);
    expect(deployed.tasks.count(id)).toBe(expected === LAUNCHED ? 1 : 0);
  });

  test("dispatch.batch launches two runs and ends a third that nobody has stored", async () => {
    const [first = "", second = "", unknown = ""] = idsIn("dispatch.batch");
    expect(await invoke("dispatch.batch")).toEqual(HANDLED);
    expect([first, second, unknown].map(deployed.tasks.count)).toEqual([1, 1, 0]);
    expect(await runOf(second)).toMatchObject(LAUNCHED);
    expect(await runOf(unknown)).toMatchObject({ state: "crashed", cause: { type: "invalid" } });
  });

  test("observe.ecs.* follow the run of dispatch.ecs to its end", async () => {
    const [id = ""] = idsIn("dispatch.ecs");
    expect(await invoke("observe.ecs.running")).toEqual(HANDLED);
    expect(await runOf(id)).toMatchObject({ state: "running" });
    // The warning comes while the task still runs.
    expect(await invoke("observe.ecs.spot-warning")).toEqual(HANDLED);
    expect(await runOf(id)).toMatchObject({ state: "running" });
    expect(await invoke("observe.ecs.stopped")).toEqual(HANDLED);
    expect(await runOf(id)).toMatchObject({
      state: "failed",
      cause: { type: "exit", exit_code: 1 },
    });
  });

  test("poll finds that the task of dispatch.universal has ended", async () => {
    const [id = ""] = idsIn("dispatch.universal");
    expect(await runOf(id)).toMatchObject(LAUNCHED);
    expect(await invoke("poll")).toBeUndefined();
    expect(await runOf(id)).toMatchObject({ state: "succeeded", cause: { exit_code: 0 } });
  });

  test("abandon ends its run", async () => {
    expect(await invoke("abandon")).toEqual(HANDLED);
    const [id = ""] = idsIn("abandon");
    expect(await runOf(id)).toMatchObject({ state: "crashed", cause: { type: "abandoned" } });
  });

  test("api stores its run and puts it on the queue", async () => {
    expect(await invoke("api")).toMatchObject({ statusCode: 202 });
    expect(await runOf("from-the-api")).toMatchObject({ state: "scheduled" });
    const sqs = new SQSClient({ endpoint: deployed.endpoint, region: deployed.region });
    const QueueName = `${deployed.name}-runs`;
    const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName }));
    // Others may wait there as well: runs that poll has found due.
    const receive = new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 });
    const bodies = async () => ((await sqs.send(receive)).Messages ?? []).map(({ Body }) => Body);
    await expect.poll(bodies, { timeout: 10_000 }).toContain('{"run_id":"from-the-api"}');
  });

  test("publish tells the bus of a run that was made and cancelled", async () => {
    const pattern = { source: ["sluice"] };
    const listener = await listen(deployed, { name: "samples", pattern });
    expect(await invoke("publish")).toEqual(HANDLED);
    const heard = (await listener.heard()).map(({ detail }) => [detail.run.id, detail.run.state]);
    expect(heard).toEqual([
      ["a1", "scheduled"],
      ["a1", "cancelled"],
    ]);
  });
});
