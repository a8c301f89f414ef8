import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ParsedMessage, parseMessage, type RunMessage } from "../src/message.ts";

function messageOf(body: unknown): RunMessage {
  const parsed = parseMessage(body);
  if (!parsed.ok || parsed.type === "reference") throw new Error(JSON.stringify(parsed));
  return parsed.message;
}

function faults(body: unknown): string[] {
  const parsed = parseMessage(body);
  return parsed.ok ? [] : parsed.issues.map(({ path, message }) => `${path}: ${message}`);
}

function warnings(parsed: ParsedMessage): readonly string[] {
  if (!parsed.ok || parsed.type === "reference") throw new Error(JSON.stringify(parsed));
  return parsed.warnings;
}

const FLOW = { name: "nightly-load", command: "python load.py" };

describe("a message", () => {
  test("asks for a run of the flow it brings", () => {
    const body = {
      run_id: "r-1",
      name: "brave-otter",
      flow: FLOW,
      run_config: { cpu: "1024" },
      labels: ["prod", "eu", "prod"],
      parameters: { day: "2026-11-21" },
      scheduled_start_time: "2026-11-22T01:00:00+02:00",
    };
    expect(messageOf(body)).toEqual({
      runId: "r-1",
      name: "brave-otter",
      flow: { type: "inline", flow: FLOW },
      runConfig: { cpu: "1024" },
      labels: ["eu", "prod"],
      parameters: { day: "2026-11-21" },
      scheduledStart: "2026-11-21T23:00:00.000Z",
    });
  });

  test("takes null for absent, and an empty name for none", () => {
    const body = {
      run_id: null,
      name: "",
      flow: FLOW,
      run_config: null,
      labels: null,
      parameters: null,
      scheduled_start_time: null,
    };
    expect(messageOf(body)).toEqual({ flow: { type: "inline", flow: FLOW } });
  });

  test("keeps an empty list of labels apart from none", () => {
    expect(messageOf({ flow: FLOW, labels: [] }).labels).toEqual([]);
  });

  test("has at most 50 labels of at most 255 characters, wherever they stand", () => {
    const most = Array.from({ length: 50 }, (_, index) => `${index}`.padEnd(255, "x"));
    const config = (labels: unknown) => ({ type: "UniversalRun", labels });
    expect(faults({ flow: FLOW, labels: most, run_config: config(most) })).toEqual([]);
    expect(faults({ flow: FLOW, labels: [...most, "y"] })).toEqual([
      "labels: expected at most 50 labels, got a list of 51",
    ]);
    expect(faults({ flow: FLOW, run_config: config([...most, "y"]) })).toEqual([
      "run_config.labels: expected at most 50 labels, got a list of 51",
    ]);
    expect(faults({ flow: { ...FLOW, environment: { labels: ["z".repeat(256)] } } })).toEqual([
      `flow.environment.labels.0: expected at most 255 characters, got the text "${"z".repeat(57)}..."`,
    ]);
  });

  test("names a registered flow by its name, or by name and version", () => {
    const registered = { type: "registered", name: "nightly-load" };
    expect(messageOf({ flow: "nightly-load" }).flow).toEqual(registered);
    expect(messageOf({ flow: { name: "nightly-load" } }).flow).toEqual(registered);
    expect(messageOf({ flow: { name: "nightly-load", version: null } }).flow).toEqual(registered);
    expect(messageOf({ flow: { name: "nightly-load", version: 3 } }).flow).toEqual({
      ...registered,
      version: 3,
    });
  });

  test("brings a flow as soon as anything beyond name and version is said of it", () => {
    const flow = { name: "nightly-load", version: 3, id: "f-1" };
    expect(messageOf({ flow }).flow).toEqual({ type: "inline", flow });
  });

  test("that is only a run id refers to a stored run", () => {
    expect(parseMessage({ run_id: "r-1" })).toEqual({ ok: true, type: "reference", runId: "r-1" });
    expect(faults({ run_id: "R 1" })).toHaveLength(1);
    expect(faults({ run_id: "r-1", labels: [] })).toEqual([
      "flow: expected a flow, or the name of a registered one, got nothing",
    ]);
  });

  test("that is a run config, as Prefect gives it, is refused and told where it belongs", () => {
    expect(faults({ type: "ECSRun", labels: [] })).toEqual([
      ': expected a message, got a run config (the text "ECSRun"): put it under run_config, beside a flow',
    ]);
  });

  test.each([["text"], [[]], [null], [1], [undefined]])("is refused if it is %j", (body) => {
    expect(faults(body)[0]).toMatch(/^: expected an object, got /);
  });

  test("is refused with all faults of the whole document at once", () => {
    const body = {
      run_id: "UPPER",
      name: "line\nbreak",
      flow: { name: "", version: -1, command: [], engine: "make", run_config: { type: "Nope" } },
      run_config: { type: "ECSRun", cpu: 1, labels: null },
      labels: ["ok", 1],
      parameters: [],
      scheduled_start_time: "tomorrow",
    };
    const parsed = parseMessage(body);
    if (parsed.ok) throw new Error("accepted");
    expect(parsed.issues.map(({ path }) => path)).toEqual([
      "run_id",
      "name",
      "labels.1",
      "parameters",
      "scheduled_start_time",
      "flow.name",
      "flow.version",
      "flow.command",
      "flow.engine",
      "run_config.labels",
      "run_config.cpu",
    ]);
  });

  test("is refused for faults in both its run configs", () => {
    const body = {
      flow: { ...FLOW, run_config: { type: "LocalRun", working_dir: 1 } },
      run_config: { type: "docker", config: { image: 1 } },
    };
    expect(faults(body)).toEqual([
      "flow.run_config.working_dir: expected text, got 1 (number)",
      "run_config.config.image: expected text, got 1 (number)",
    ]);
    expect(faults({ flow: FLOW, run_config: "ECSRun" })).toEqual([
      'run_config: expected an object, got the text "ECSRun"',
    ]);
  });

  test("is refused if its patch makes the run config of its flow faulty", () => {
    const flow = { ...FLOW, run_config: { type: "ECSRun", task_definition_arn: "a:1" } };
    expect(faults({ flow, run_config: { image: "i" } })).toEqual([
      "run_config.image: expected only one of task_definition_arn, image, got 2 of them",
    ]);
    // On a registered flow the patch is checked when it is applied.
    const later = parseMessage({ flow: "nightly-load", run_config: { image: "i", env: [] } });
    expect(warnings(later)).toEqual([]);
  });

  test("has its flow's faults reported before those a patch may bring", () => {
    const flow = { ...FLOW, run_config: { type: "ECSRun", cpu: 1 } };
    expect(faults({ flow, run_config: { memory: 1 } })).toEqual([
      "flow.run_config.cpu: expected text, got 1 (number)",
    ]);
  });

  test("is accepted with unknown keys, which are named in warnings", () => {
    const flow = { ...FLOW, owner: "me", run_config: { type: "LocalRun", cpu: "1" } };
    const body = { flow, retries: 3, agent: {} };
    expect(warnings(parseMessage(body))).toEqual([
      "a message knows no retries, agent; ignored",
      "flow: a flow knows no owner; ignored",
      "flow.run_config: LocalRun knows no cpu; ignored",
    ]);
    const withPatch = { ...body, run_config: { memory: "1" } };
    expect(warnings(parseMessage(withPatch))).toContain(
      "run_config: LocalRun knows no cpu, memory; ignored",
    );
  });

  test("may bring an agent when it is to be planned", () => {
    const body = { flow: FLOW, agent: { backend: "local" } };
    expect(warnings(parseMessage(body, { plan: true }))).toEqual([]);
    expect(warnings(parseMessage({ flow: FLOW }, { plan: true }))).toEqual([]);
  });

  test.each([
    ["2026-11-22T01:00:00Z", "2026-11-22T01:00:00.000Z"],
    ["2026-11-22T01:00:00.123456+00:00", "2026-11-22T01:00:00.123Z"],
    ["1999-12-31T23:59:59-14:00", "2000-01-01T13:59:59.000Z"],
  ])("starts at %s, which is %s", (start, expected) => {
    expect(messageOf({ flow: FLOW, scheduled_start_time: start }).scheduledStart).toBe(expected);
  });

  test.each([
    ["2026-11-22T01:00:00"],
    ["2026-11-22"],
    ["2026-11-22T01:00Z"],
    ["2026-02-30T01:00:00Z"],
    ["2026-11-22T25:00:00Z"],
    ["9999-12-31T23:59:59-01:00"],
    ["+010000-01-01T00:00:00Z"],
    [1_795_309_200],
    [""],
  ])("is refused if it is to start at %j", (start) => {
    expect(faults({ flow: FLOW, scheduled_start_time: start })).toHaveLength(1);
  });

  test.each([
    ["r", true],
    ["0-0", true],
    ["a".repeat(40), true],
    ["8c0e6f4c-6a3b-4b7c-9a57-4a2f8f1f3f5d", true],
    ["", false],
    ["-r", false],
    ["r-", false],
    ["a".repeat(41), false],
    ["r_1", false],
    ["R", false],
    ["r\n", false],
  ])("with the run id %j is accepted: %j", (runId, accepted) => {
    expect(faults({ flow: FLOW, run_id: runId }).length === 0).toBe(accepted);
  });

  test.each([
    ["nightly load ", true],
    ["ночь", true],
    ["a".repeat(400), true],
    ["", false],
    [" ", false],
    ["a\u0000b", false],
    ["a\ud800b", false],
    ["🦦", true],
    ["a".repeat(401), false],
  ])("with the flow %j is accepted: %j", (name, accepted) => {
    expect(faults({ flow: name }).length === 0).toBe(accepted);
    expect(faults({ flow: { ...FLOW, name } }).length === 0).toBe(accepted);
  });

  test("is refused if it is nested too deep to be handled", () => {
    const nested = (depth: number) => JSON.parse(`${"[".repeat(depth)}${"]".repeat(depth)}`);
    expect(faults({ flow: FLOW, parameters: { list: nested(99) } })).toEqual([]);
    const deep = ["parameters: expected at most 100 lists and objects within each other, got more"];
    expect(faults({ flow: FLOW, parameters: { list: nested(100) } })).toEqual(deep);
    expect(faults({ flow: FLOW, parameters: { list: nested(100_000) } })).toEqual(deep);
  });

  test("is refused if a member is named __proto__, for it would be lost", () => {
    const body = JSON.parse('{"flow":"f","parameters":{"a":[{"__proto__":{"b":1}}]}}');
    expect(faults(body)).toEqual(["parameters: expected no member named __proto__, got one"]);
    const top = JSON.parse('{"flow":"f","__proto__":{"b":1}}');
    expect(faults(top)).toEqual([": expected no member named __proto__, got one"]);
  });

  test("is read or refused with issues, whatever JSON it is", () => {
    const field = fc.jsonValue({ maxDepth: 3 });
    const body = fc.oneof(
      field,
      fc.record(
        {
          run_id: field,
          name: field,
          flow: fc.oneof(
            field,
            fc.record({ name: fc.string(), run_config: field, command: field }),
          ),
          run_config: field,
          labels: field,
          parameters: field,
          scheduled_start_time: field,
        },
        { requiredKeys: [] },
      ),
    );
    fc.assert(
      fc.property(body, (value) => {
        const parsed = parseMessage(value);
        if (!parsed.ok) expect(parsed.issues.length).toBeGreaterThan(0);
      }),
    );
  });

  test("starts when it says, in UTC, for whatever moment and zone", () => {
    const moment = fc.date({
      min: new Date("0001-01-01T00:00:00Z"),
      max: new Date("9998-12-31T00:00:00Z"),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(moment, fc.integer({ min: -14, max: 14 }), (date, hours) => {
        const sign = hours < 0 ? "-" : "+";
        const zone = `${sign}${String(Math.abs(hours)).padStart(2, "0")}:00`;
        const local = new Date(date.getTime() + hours * 3_600_000).toISOString();
        const start = local.replace("Z", zone);
        expect(messageOf({ flow: FLOW, scheduled_start_time: start }).scheduledStart).toBe(
          date.toISOString(),
        );
      }),
    );
  });
});
