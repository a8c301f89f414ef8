import { execFile } from "node:child_process";
import { promisify } from "node:util";
import {
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { expect, test } from "vitest";
import type { JsonValue } from "../../../src/json.ts";
import { type RunningShape, shapeContract } from "../../contracts/shape.ts";
import { type Deployed, deploy } from "./deployment.ts";
import { listen } from "./listener.ts";

let deployed: Deployed;
let shape: RunningShape;

/** The AWS shape, deployed onto moto, its bundles run by a runtime that behaves like Lambda. */
async function open(): Promise<RunningShape> {
  deployed = await deploy();
  const { endpoint, region, name, runtime } = deployed;
  const sqs = new SQSClient({ endpoint, region });
  const queue = await sqs.send(new GetQueueUrlCommand({ QueueName: `${name}-runs` }));
  await deployed.addToken("token", "admin");
  shape = {
    async send(MessageBody) {
      await sqs.send(new SendMessageCommand({ QueueUrl: queue.QueueUrl, MessageBody }));
    },
    async api(method, path, body) {
      const response = await fetch(`${runtime.url}${path}`, {
        method,
        headers: { authorization: "Bearer token", "content-type": "application/json" },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
      return (await response.json()) as JsonValue;
    },
    jobs: async (runId) => deployed.tasks.count(runId),
    close: () => deployed.close(),
  };
  return shape;
}

const finalOf = async (id: string) => {
  const runs = (await shape.api("GET", "/runs?limit=500")) as unknown as {
    readonly items: readonly { readonly id: string; readonly state: string }[];
  };
  return runs.items.find((run) => run.id === id)?.state;
};
const ends = (id: string) =>
  expect.poll(() => finalOf(id), { timeout: 60_000, interval: 200 }).toBe("succeeded");

function more(): void {
  test("takes messages from the command line of AWS", async () => {
    const body = { run_id: "by-aws", flow: { name: "journey", command: "true" } };
    const aws = async (...args: readonly string[]) => {
      const given = ["--endpoint-url", deployed.endpoint, "sqs", ...args, "--output", "text"];
      const env = { PATH: process.env["PATH"], ...deployed.env };
      return (await promisify(execFile)("aws", given, { env })).stdout.trim();
    };
    const queue = ["--queue-name", `${deployed.name}-runs`, "--query", "QueueUrl"];
    const url = await aws("get-queue-url", ...queue);
    await aws("send-message", "--queue-url", url, "--message-body", JSON.stringify(body));
    await ends("by-aws");
  });

  test("abandons what every delivery has failed for", { timeout: 120_000 }, async () => {
    const id = "never-stored";
    const queue = { QueueName: `${deployed.name}-runs-dead` };
    const sqs = new SQSClient({ endpoint: deployed.endpoint, region: deployed.region });
    const { QueueUrl } = await sqs.send(new GetQueueUrlCommand(queue));
    const all = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["All"] });
    deployed.failing.add(id);
    await shape.send(JSON.stringify({ run_id: id, flow: { name: "journey", command: "true" } }));
    const dead = async () => {
      const { Attributes = {} } = await sqs.send(all);
      const { ApproximateNumberOfMessages: waits, ApproximateNumberOfMessagesNotVisible: taken } =
        Attributes;
      return Number(waits) + Number(taken);
    };
    await expect.poll(dead, { timeout: 90_000, interval: 200 }).toBe(1);
    deployed.failing.delete(id);
    await expect.poll(() => finalOf(id), { timeout: 30_000, interval: 200 }).toBe("crashed");
    expect(await shape.api("GET", `/runs/${id}`)).toMatchObject({ cause: { type: "abandoned" } });
    expect(deployed.tasks.count(id)).toBe(0);
  });

  test("tells its bus of every state of a run, in order", async () => {
    const id = "on-the-bus";
    const pattern = {
      source: ["sluice"],
      "detail-type": ["Sluice Run State Change"],
      detail: { run: { id: [id] } },
    };
    const listener = await listen(deployed, { name: "listener", pattern });
    await shape.send(JSON.stringify({ run_id: id, flow: { name: "journey", command: "true" } }));
    await expect
      .poll(async () => (await listener.heard()).at(-1)?.detail.run.state, { timeout: 60_000 })
      .toBe("succeeded");
    const details = (await listener.heard()).map(({ detail }) => detail);
    const states = details.map(({ run }) => run.state);
    expect(states.slice(0, 2)).toEqual(["launching", "submitted"]);
    // Each begins where the one before it ended: none is missing, none came twice.
    expect(details.map(({ from }) => from)).toEqual([undefined, ...states.slice(0, -1)]);
    const revisions = details.map(({ revision }) => revision);
    expect(revisions).toEqual(revisions.toSorted((a, b) => a - b));
  });

  test("has functions that never fail as a whole", () => {
    expect(deployed.runtime.failures).toEqual([]);
  });
}

shapeContract("AWS", { open, patienceMs: 60_000, more });
