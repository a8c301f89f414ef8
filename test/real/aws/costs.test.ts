import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, describe, expect, inject, it } from "vitest";
import { QUERIES_PER_TICK, UNITS_PER_RUN } from "../../../scripts/costs/usage.ts";
import { jobOf } from "../../../src/backends/ecs/job.ts";
import { dispatch } from "../../../src/dispatch.ts";
import { observe } from "../../../src/observe.ts";
import { poll } from "../../../src/poll.ts";
import { endBody } from "../../../src/stores/dynamodb/body-end.ts";
import { due } from "../../../src/stores/dynamodb/due.ts";
import { dynamoHosts } from "../../../src/stores/dynamodb/hosts.ts";
import type { Item } from "../../../src/stores/dynamodb/item.ts";
import { bodyKey, headKey } from "../../../src/stores/dynamodb/keys.ts";
import { list } from "../../../src/stores/dynamodb/list.ts";
import { dynamoStore } from "../../../src/stores/dynamodb/runs.ts";
import type { Table } from "../../../src/stores/dynamodb/table.ts";
import { plus } from "../../../src/time.ts";
import { newRun, START, succeeded, waiting } from "../../contracts/store-samples.ts";
import { testApp } from "../../fakes/app.ts";
import { type AwsCall, type AwsProxy, awsProxy } from "../../fakes/aws-proxy.ts";
import { createTable, type TestTable } from "./table.ts";

let table: TestTable;
let proxy: AwsProxy;
let through: Table;
beforeEach(async () => {
  table = await createTable(inject("dynamodb"));
  proxy = await awsProxy(inject("dynamodb"));
  through = table.open(proxy.endpoint);
});
afterEach(async () => {
  await proxy.close();
  await table.remove();
});

const open = (keepDays?: number) =>
  dynamoStore(through, { newId: randomUUID, ...(keepDays === undefined ? {} : { keepDays }) });

/** A head as the stream of the table tells of it. */
const headOf = async (id: string): Promise<Item> => (await table.open().get(headKey(id))) ?? {};

/** Which items were written since, in order, such as `Put head`. */
function written(since: number): string[] {
  return proxy.calls.slice(since).filter(isWrite).map(nameOf).sort();
}

const isWrite = ({ operation }: AwsCall) => !/^(?:GetItem|Query)$/.test(operation);

function nameOf({ operation, body }: AwsCall): string {
  const { Item, Key } = JSON.parse(body) as Record<
    string,
    { pk: { S: string }; sk: { S: string } }
  >;
  const key = Item ?? Key;
  const what = key?.pk.S === "hours" ? "hour" : key?.sk.S.split("#")[0];
  return `${operation.replace("Item", "")} ${what}`;
}

describe("what a run costs", () => {
  it("is a body, a head and one write for each later state; looking costs none", async () => {
    const t = testApp({ store: open(30) });
    const steps: string[][] = [];
    const step = async (work: () => Promise<unknown>) => {
      const before = proxy.calls.length;
      await work();
      steps.push(written(before));
    };
    const message = (id: string) => ({
      id,
      body: JSON.stringify({ run_id: id, flow: { name: "load", command: "true" } }),
    });

    await step(() => dispatch(t.app, message("r1")));
    await step(() => dispatch(t.app, message("r2")));
    await step(() => poll(t.app));
    t.platform.set("r1", { type: "running" });
    await step(() => poll(t.app));
    await step(() => poll(t.app));
    t.platform.set("r1", {
      type: "ended",
      end: "succeeded",
      cause: { type: "exit", message: "exit code 0", exitCode: 0 },
    });
    await step(() => poll(t.app));

    expect(steps).toStrictEqual([
      ["Put body", "Put head", "Put hour", "Update head"],
      ["Put body", "Put head", "Update head"],
      [],
      ["Update head"],
      [],
      ["Update head"],
    ]);
  });

  it.each([
    ["one write more when its body ends", 30, ["Update body"]],
    ["nothing more where runs are kept for ever", undefined, []],
  ])("is %s", async (_, keepDays, writes) => {
    const { run } = await open(keepDays).create(newRun());
    await open(keepDays).transition(run, succeeded(), { now: START });
    const before = proxy.calls.length;

    await endBody(through, await headOf(run.id));

    expect(written(before)).toStrictEqual(writes);
  });

  it("is one read to look up, and a query a shard for what is due", async () => {
    const store = open();
    const { run } = await store.create(newRun());
    const before = proxy.calls.length;
    await store.get(run.id);
    await Array.fromAsync(store.due(plus(START, 1), "cloud"));

    const operations = proxy.calls.slice(before).map(({ operation }) => operation);

    expect(operations).toStrictEqual(["GetItem", ...Array<string>(16).fill("Query")]);
  });

  it("is a strongly consistent read wherever no index is read", async () => {
    const store = open();
    const { run } = await store.create(newRun());
    const before = proxy.calls.length;
    await store.get(run.id);
    await store.body(run.id);
    await store.list({});
    await Array.fromAsync(store.due(START, "cloud"));

    for (const { body } of proxy.calls.slice(before)) {
      const input = JSON.parse(body) as { ConsistentRead?: boolean; IndexName?: string };
      expect(input.ConsistentRead ?? false).toBe(input.IndexName === undefined);
    }
  });

  it("ends, whatever the size of a page, although every run becomes due again at once", async () => {
    const store = open();
    const ids = Array.from({ length: 60 }, (_, index) => `run-${index}`);
    for (const id of ids) await store.create(newRun({ id }));
    const streamed: string[] = [];

    for await (const run of due(through, { now: plus(START, 60_000), place: "cloud" }, 2)) {
      streamed.push(run.id);
      await store.transition(run, waiting(plus(START, 1 + streamed.length)), { now: START });
    }

    expect(streamed.sort()).toStrictEqual(ids.sort());
  });
});

describe("what a run uses of the table", () => {
  /** The head is as long as those of tasks on ECS are. */
  const JOB = jobOf({
    region: "eu-west-1",
    cluster: "arn:aws:ecs:eu-west-1:123456789012:cluster/production",
    task: "arn:aws:ecs:eu-west-1:123456789012:task/production/0123456789abcdef0123456789abcdef",
    container: "flow",
    startedBy: "sluice/7f9c2ba4-e88f-4271-8d4d-3c9f6b1e2a10/1",
    log: {
      group: "/sluice/runs",
      region: "eu-west-1",
      stream: "sluice/flow/0123456789abcdef0123456789abcdef",
    },
  });

  it("is so many units for a run from the queue to its end, on ECS", async () => {
    const t = testApp({ store: open(30) });
    t.platform.launchAs(JOB);
    const run = async (id: string) => {
      const body = { run_id: id, flow: { name: "nightly-load", command: "python load.py" } };
      await dispatch(t.app, { id, body: JSON.stringify(body) });
      await observe(t.app, id, { launch: 1, job: JOB, status: { type: "running" } });
      await observe(t.app, id, { launch: 1, job: JOB, status: ENDED });
      await endBody(through, await headOf(id));
    };
    await run("7f9c2ba4-e88f-4271-8d4d-3c9f6b1e2a10");
    const before = { ...proxy.used, written: { ...proxy.used.written } };

    await run("7f9c2ba4-e88f-4271-8d4d-3c9f6b1e2a11");

    const written = Object.entries(proxy.used.written).map(
      ([where, units]) => [where, units - (before.written[where] ?? 0)] as const,
    );
    expect(Object.fromEntries(written)).toStrictEqual(UNITS_PER_RUN.written);
    expect(proxy.used.read - before.read).toBe(UNITS_PER_RUN.read);
  });

  it("is so many queries for a tick that finds nothing due", async () => {
    const t = testApp({ store: open(30), hosts: dynamoHosts(through, { now: () => new Date() }) });

    await poll(t.app);

    const operations = proxy.calls.map(({ operation }) => operation);
    expect(operations).toStrictEqual(Array<string>(QUERIES_PER_TICK).fill("Query"));
  });
});

const ENDED = {
  type: "ended",
  end: "succeeded",
  cause: { type: "exit", message: "exit code 0", exitCode: 0 },
} as const;

describe("what is forgotten", () => {
  /** When head and body of a run expire. */
  const expiry = async (id: string) => {
    const head = await headOf(id);
    const body = await table.open().get(bodyKey(id, String(head["body"])));
    return [head["expires_at"], body?.["expires_at"]];
  };
  const AFTER_30_DAYS = Date.parse(START) / 1_000 + 30 * 86_400;

  it("is a run that has ended, so many days later, and its body with it", async () => {
    const { run } = await open(30).create(newRun());
    await endBody(through, await headOf(run.id));
    expect(await expiry(run.id)).toStrictEqual([undefined, undefined]);

    await open(30).transition(run, succeeded(), { now: START });
    expect(await expiry(run.id)).toStrictEqual([AFTER_30_DAYS, undefined]);

    await endBody(through, await headOf(run.id));
    expect(await expiry(run.id)).toStrictEqual([AFTER_30_DAYS, AFTER_30_DAYS]);
  });

  it("is a run that was over from the start", async () => {
    const { run } = await open(30).create(newRun({ state: succeeded() }));

    await endBody(through, await headOf(run.id));

    expect(await expiry(run.id)).toStrictEqual([AFTER_30_DAYS, AFTER_30_DAYS]);
  });

  it("is no body that is gone already", async () => {
    const { run } = await open(30).create(newRun({ state: succeeded() }));
    const head = await headOf(run.id);
    await through.remove(bodyKey(run.id, String(head["body"])));

    await endBody(through, head);

    expect(await expiry(run.id)).toStrictEqual([AFTER_30_DAYS, undefined]);
  });

  it("is nothing unless it is asked for", async () => {
    const { run } = await open().create(newRun({ state: succeeded() }));

    expect(await expiry(run.id)).toStrictEqual([undefined, undefined]);
  });
});

describe("a list", () => {
  const AT = [0, 1, 2, 60_000, 3_600_000, 7_200_000, 7_200_001, 18_000_000];

  async function createRuns() {
    const store = open();
    for (const age of AT) {
      await store.create(newRun({ createdAt: plus(START, -age), name: `age-${age}` }));
    }
  }

  /** The names on each page, and how far back each one says it has looked. */
  async function pages(query: { search?: string; limit?: number }, rows: number, hours: number) {
    const all: { names: string[]; back: string | undefined }[] = [];
    let cursor: string | undefined;
    do {
      const page = await list(
        through,
        { ...query, ...(cursor === undefined ? {} : { cursor }) },
        { rows, hours },
      );
      all.push({ names: page.items.map(({ name }) => name), back: page.lookedBackTo });
      cursor = page.next;
    } while (cursor !== undefined);
    return all;
  }

  it("ends a page after so many rows, says how far back it looked, and goes on there", async () => {
    await createRuns();

    const found = await pages({ search: "age-7200" }, 3, 100);

    expect(found).toStrictEqual([
      { names: [], back: plus(START, -2) },
      { names: ["age-7200000"], back: plus(START, -7_200_001) },
      { names: ["age-7200001"], back: undefined },
    ]);
  });

  it("ends a page after so many hours, and goes on there", async () => {
    await createRuns();

    const found = await pages({ search: "age-1" }, 5_000, 2);

    expect(found).toStrictEqual([
      { names: ["age-1"], back: "2026-11-21T10:59:59.999Z" },
      { names: [], back: "2026-11-21T07:59:59.999Z" },
      { names: ["age-18000000"], back: undefined },
    ]);
  });

  it.each([1, 2, 3, 8])("loses and doubles nothing, whatever the bounds: %i", async (bound) => {
    await createRuns();
    const all = AT.map((age) => `age-${age}`);

    for (const limit of [1, 3, 8, 50]) {
      const found = await pages({ limit }, bound, bound);
      expect(found.flatMap(({ names }) => names)).toStrictEqual(all);
    }
  });

  it("asks for the hours that have runs, and for no others", async () => {
    await createRuns();
    const before = proxy.calls.length;

    await list(through, {});

    // 12:00, 11:59 to 11:00, 10:00, 9:59 and 7:00: the hours 12, 11, 10, 9 and 7.
    expect(proxy.calls.length - before).toBe(1 + 5 * 16);
  });

  it("looks at 5,000 rows or 100 hours before it ends a page", async () => {
    const store = open();
    const hours = Array.from({ length: 101 }, (_, hour) => plus(START, -hour * 3_600_000));
    for (const createdAt of hours) await store.create(newRun({ createdAt, state: waiting(START) }));

    const first = await store.list({ search: "none" });
    const second = await store.list({ search: "none", cursor: first.next ?? "" });

    expect(first.lookedBackTo?.slice(0, 13)).toBe(hours[100]?.slice(0, 13));
    expect(second).toStrictEqual({ items: [] });
  });
});
