import { createHash } from "node:crypto";
import { globSync, readFileSync } from "node:fs";
import type {
  APIGatewayProxyEventV2,
  DynamoDBStreamEvent,
  ScheduledEvent,
  SQSEvent,
} from "aws-lambda";
import { describe, expect, test } from "vitest";
import { abandonWith } from "../../functions/abandon.ts";
import { apiWith } from "../../functions/api.ts";
import { dispatchWith } from "../../functions/dispatch.ts";
import { observeWith } from "../../functions/observe.ts";
import { pollWith } from "../../functions/poll.ts";
import { publishWith } from "../../functions/publish.ts";
import { publisherOf } from "../../src/aws/publisher.ts";
import { backends } from "../../src/backends/index.ts";
import { hashOf } from "../../src/http/tokens.ts";
import type { JsonObject } from "../../src/json.ts";
import { silentLogger } from "../../src/log.ts";
import { TYPES } from "../../src/run-config/index.ts";
import { type TestApp, testApp } from "../fakes/app.ts";
import { invocation } from "./support.ts";

function read(name: string): unknown {
  return JSON.parse(readFileSync(`events/${name}.json`, "utf8"));
}

/** The names of the samples of a function that has several. */
const samplesOf = (name: string) =>
  globSync(`events/${name}.*.json`)
    .map((path) => path.slice("events/".length, -".json".length))
    .sort();

const dispatched = samplesOf("dispatch");
const observed = samplesOf("observe");

interface Body {
  readonly run_id?: string;
  readonly run_config?: { readonly type?: string; readonly labels?: readonly string[] };
}

const bodiesOf = (name: string) =>
  (read(name) as SQSEvent).Records.map(({ body }) => JSON.parse(body) as Body);

/** An app that has, for every backend, an agent without labels and one with all that are asked for. */
function appForAll(): TestApp {
  const labels = dispatched.flatMap(bodiesOf).flatMap(({ run_config }) => run_config?.labels ?? []);
  const test = testApp();
  test.setAgents(
    ...Object.keys(backends).flatMap((backend) => [
      { name: backend, backend },
      { name: `${backend}-labelled`, backend, labels: [...new Set(labels)] },
    ]),
  );
  return test;
}

describe("sample events", () => {
  test.each(dispatched)("%s launches its runs", async (name) => {
    const { app, platform } = appForAll();
    const event = read(name) as SQSEvent;
    const answer = await dispatchWith(async () => app)(event, invocation());
    expect(answer).toEqual({ batchItemFailures: [] });
    const [asked = [], named = []] = [true, false].map((flow) =>
      bodiesOf(name).filter((body) => "flow" in body === flow),
    );
    expect(platform.started).toHaveLength(asked.length);
    // What names a run that nobody has stored can never work.
    for (const { run_id: id = "" } of named) {
      expect((await app.store.get(id))?.state).toMatchObject({ cause: { type: "invalid" } });
    }
  });

  test("cover every type of run config and every backend", () => {
    const types = dispatched.flatMap(bodiesOf).map(({ run_config }) => run_config?.type);
    expect(TYPES.filter((type) => !types.includes(type))).toEqual([]);
  });

  test("carry the checksums of their bodies", () => {
    for (const name of [...dispatched, ...observed, "abandon"]) {
      for (const { body, md5OfBody } of (read(name) as SQSEvent).Records) {
        expect(createHash("md5").update(body).digest("hex"), name).toBe(md5OfBody);
      }
    }
  });

  test("abandon ends its run", async () => {
    const { app } = testApp();
    const answer = await abandonWith(async () => app)(read("abandon") as SQSEvent, invocation());
    expect(answer).toEqual({ batchItemFailures: [] });
    expect((await app.store.get("abandoned-1"))?.state).toMatchObject({
      cause: { type: "abandoned" },
    });
  });

  test("observe follows the run that dispatch.ecs has launched to its end", async () => {
    const { app } = appForAll();
    await dispatchWith(async () => app)(read("dispatch.ecs") as SQSEvent, invocation());
    const [{ run_id: id = "" } = {}] = bodiesOf("dispatch.ecs");
    const after = async (name: string) => {
      await observeWith(async () => ({ ...app, installation: "sluice-dev" }))(
        read(name) as SQSEvent,
        invocation(),
      );
      return (await app.store.get(id))?.state;
    };
    expect(await after("observe.ecs.running")).toMatchObject({ type: "running" });
    // The warning comes while the task still runs.
    expect(await after("observe.ecs.spot-warning")).toMatchObject({ type: "running" });
    expect(await after("observe.ecs.stopped")).toMatchObject({
      type: "failed",
      cause: { type: "exit", exitCode: 1 },
    });
  });

  test("poll ticks", async () => {
    const { app, lines } = testApp();
    await pollWith(async () => app)(read("poll") as ScheduledEvent, invocation());
    expect(lines).toEqual([]);
  });

  test("publish tells of a run that was made and one that was cancelled", async () => {
    const taken: JsonObject[] = [];
    const put = async (details: readonly JsonObject[]) => taken.push(...details);
    const event = read("publish") as DynamoDBStreamEvent;
    const endBody = async () => undefined;
    const publisher = publisherOf({ put, endBody, log: silentLogger });
    const answer = await publishWith(() => publisher)(event, invocation());
    expect(answer).toEqual({ batchItemFailures: [] });
    expect(taken.map(({ run }) => (run as JsonObject)["state"])).toEqual([
      "scheduled",
      "cancelled",
    ]);
  });

  test("api stores its run", async () => {
    const { app } = testApp();
    const event = read("api") as APIGatewayProxyEventV2;
    const [, text = ""] = (event.headers["authorization"] ?? "").split(" ");
    await app.tokens.add({
      name: "me",
      scope: "run",
      hash: hashOf(text),
      createdAt: "2026-11-21T12:00:00.000Z",
    });
    const { statusCode } = await apiWith(async () => app)(event, invocation());
    expect(statusCode).toBe(202);
    expect(await app.store.get("from-the-api")).toBeDefined();
  });
});
