import { GetQueueUrlCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { JsonObject } from "../../../src/json.ts";
import { bodyKey, headKey } from "../../../src/stores/dynamodb/keys.ts";
import { openTable } from "../../../src/stores/dynamodb/table.ts";
import { type Deployed, deploy } from "./deployment.ts";

let deployed: Deployed;

/** Nobody ticks here: whatever becomes of a task, ECS must tell of it by itself. */
beforeAll(async () => {
  deployed = await deploy({ idle: "schedules" });
  await deployed.addToken("token", "run");
}, 300_000);
afterAll(() => deployed?.close(), 120_000);

async function send(body: JsonObject): Promise<void> {
  const { endpoint, region, name } = deployed;
  const sqs = new SQSClient({ endpoint, region });
  const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: `${name}-runs` }));
  await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify(body) }));
  sqs.destroy();
}

const eventually = <T>(see: () => Promise<T>) =>
  expect.poll(see, { timeout: 60_000, interval: 200 });

test.each([
  ["succeeded", "true", { exit_code: 0 }],
  ["failed", "exit 3", { exit_code: 3 }],
])("a run has %s as soon as ECS has told of its task", async (state, command, cause) => {
  const id = `told-${state}`;
  await send({ run_id: id, flow: { name: "journey", command } });
  await eventually(() => deployed.runOf(id, "token")).toMatchObject({ state, cause });
  expect(deployed.tasks.count(id)).toBe(1);
});

test("a body goes with its head once a run has ended", async () => {
  const id = "forgotten";
  await send({ run_id: id, flow: { name: "journey", command: "true" } });
  await eventually(() => deployed.runOf(id, "token")).toMatchObject({ state: "succeeded" });
  const { endpoint, region, name } = deployed;
  const table = openTable({ table: name, client: { endpoint, region } });
  const head = await table.get(headKey(id));
  expect(Number(head?.["expires_at"])).toBeGreaterThan(Date.now() / 1_000);
  await eventually(async () => {
    const body = await table.get(bodyKey(id, String(head?.["body"])));
    return body?.["expires_at"];
  }).toBe(head?.["expires_at"]);
});

test("functions never fail as a whole", () => {
  expect(deployed.runtime.failures).toEqual([]);
});
