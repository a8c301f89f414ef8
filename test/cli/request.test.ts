import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { withOptions } from "../../src/cli/request.ts";
import type { JsonObject, JsonValue } from "../../src/json.ts";

const NOW = new Date("2026-11-21T12:00:00.000Z");
const set = (message: JsonObject, ...settings: string[]) =>
  withOptions(message, { set: settings }, NOW)["run_config"];

describe("options of a line", () => {
  test("change nothing when there are none", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (message) => {
        expect(withOptions(message as JsonObject, {}, NOW)).toEqual({ ...message });
      }),
    );
  });

  test("add parameters to those of the message, replace labels, and name the run", () => {
    const message = { flow: "a", parameters: { x: 1, y: 2 }, labels: ["old"], name: "old" };
    const options = { param: ["y=3", "z=text"], label: ["new", "er"], name: "new" };
    expect(withOptions(message, options, NOW)).toEqual({
      flow: "a",
      parameters: { x: 1, y: 3, z: "text" },
      labels: ["new", "er"],
      name: "new",
    });
  });

  test.each([
    ["x=", ""],
    ["x=1", 1],
    ["x=1.50", 1.5],
    ['x="1"', "1"],
    ["x=true", true],
    ["x=null", null],
    ["x=[1,", "[1,"],
    ["x=a=b", "a=b"],
    ["x= 1 ", 1],
    ['x={"a":null}', { a: null }],
  ])("--param %s reads its value as JSON if it can", (text, value) => {
    expect(withOptions({ flow: "a" }, { param: [text] }, NOW)["parameters"]).toEqual({ x: value });
  });

  test("any JSON comes through a parameter as it is", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = `x=${JSON.stringify(value)}`;
        const { parameters } = withOptions({ flow: "a" }, { param: [text] }, NOW);
        expect(parameters).toEqual({ x: JSON.parse(JSON.stringify(value)) });
      }),
    );
  });
});

describe("--set", () => {
  test("makes a patch where the message has no run config", () => {
    expect(set({ flow: "a" }, 'cpu="1024"', "env.DAY=3", "env.NIGHT=dark")).toEqual({
      cpu: "1024",
      env: { DAY: 3, NIGHT: "dark" },
    });
  });

  test.each([
    ["cpu=2048", { cpu: "2048" }],
    ["memory=1.50", { memory: "1.50" }],
    ["cpu_limit= 2 ", { cpu_limit: "2" }],
    ["config.labels.year=2026", { config: { labels: { year: "2026" } } }],
    ["config.image=1", { config: { image: "1" } }],
    ["env.DAY=3", { env: { DAY: 3 } }],
    ["config.env.DAY=3", { config: { env: { DAY: 3 } } }],
    ["host_config.shm_size=64", { host_config: { shm_size: 64 } }],
    ["run_task_kwargs.count=1", { run_task_kwargs: { count: 1 } }],
    ["ports=[1]", { ports: [1] }],
    ["nobody.knows=1", { nobody: { knows: 1 } }],
    ["cpu=null", { cpu: null }],
    ["cpu=true", { cpu: true }],
  ])("%s makes text of a number only where run configs take nothing else", (text, config) => {
    expect(set({}, text)).toEqual(config);
  });

  test("changes the run config of the message, and leaves the message alone", () => {
    const message = {
      flow: "a",
      run_config: { type: "docker", config: { image: "a", env: { A: 1 } } },
    };
    const before = structuredClone(message);
    expect(set(message, "config.image=b", "config.env.B=2")).toEqual({
      type: "docker",
      config: { image: "b", env: { A: 1, B: 2 } },
    });
    expect(message).toEqual(before);
  });

  test("takes a dot behind a backslash as part of a name", () => {
    expect(set({}, String.raw`labels.example\.com/team=data`)).toEqual({
      labels: { "example.com/team": "data" },
    });
  });

  test("replaces what is no object on the way", () => {
    expect(set({ run_config: { env: null, cpu: "1" } }, "env.A=1", "cpu.x=2")).toEqual({
      env: { A: 1 },
      cpu: { x: 2 },
    });
  });

  test("sets exactly what is asked for, whatever the names", () => {
    const name = fc.string({ minLength: 1 }).filter((text) => !/[=\\]/.test(text));
    fc.assert(
      fc.property(fc.array(name, { minLength: 1, maxLength: 4 }), fc.integer(), (path, value) => {
        const dotted = path.map((part) => part.replaceAll(".", "\\.")).join(".");
        let found: JsonValue | undefined = set({}, `${dotted}=${value}`);
        for (const part of path) found = (found as JsonObject)[part];
        expect(found).toBe(value);
        expect(Object.getPrototypeOf({})).toBe(Object.prototype);
      }),
    );
  });

  test("cannot reach a prototype", () => {
    const config = set({}, "__proto__.polluted=1") as JsonObject;
    expect(({} as JsonObject)["polluted"]).toBeUndefined();
    expect(Object.hasOwn(config, "__proto__")).toBe(true);
  });
});

describe("--at", () => {
  test.each([
    ["+90s", "2026-11-21T12:01:30.000Z"],
    ["+10m", "2026-11-21T12:10:00.000Z"],
    ["+2h", "2026-11-21T14:00:00.000Z"],
    ["+1d", "2026-11-22T12:00:00.000Z"],
    ["2026-11-22T01:00:00+02:00", "2026-11-22T01:00:00+02:00"],
    ["tomorrow", "tomorrow"],
    ["+10", "+10"],
  ])("%s is %s", (at, start) => {
    expect(withOptions({ flow: "a" }, { at }, NOW)["scheduled_start_time"]).toBe(start);
  });
});
