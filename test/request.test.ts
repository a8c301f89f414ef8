import { describe, expect, test } from "vitest";
import { PermanentError } from "../src/errors.ts";
import type { Flow } from "../src/flow.ts";
import type { JsonObject } from "../src/json.ts";
import { parseMessage } from "../src/message.ts";
import { engineNameOf, type ResolvedRequest, resolveRequest } from "../src/request.ts";
import { read } from "./run-config/read.ts";

function resolve(body: JsonObject, registered?: Flow): ResolvedRequest {
  const parsed = parseMessage(body);
  if (!parsed.ok || parsed.type === "reference") throw new Error(JSON.stringify(parsed));
  const { message } = parsed;
  const flow = message.flow.type === "inline" ? message.flow.flow : registered;
  if (flow === undefined) throw new Error("no registered flow given");
  return resolveRequest(message, flow);
}

function refusal(body: JsonObject, registered?: Flow): PermanentError {
  try {
    resolve(body, registered);
  } catch (error) {
    if (error instanceof PermanentError) return error;
    throw error;
  }
  throw new Error("accepted");
}

const ECS = { type: "ECSRun", labels: ["prod", "eu"], cpu: "256", env: { A: "1" } };
const FLOW = { name: "load", command: "true", run_config: ECS };

describe("a resolved request", () => {
  test("is of the flow the message brings, and of nothing else", () => {
    const { request, config, warnings } = resolve({ flow: FLOW });
    expect(request).toEqual({
      flow: FLOW,
      runConfig: ECS,
      labels: ["eu", "prod"],
      parameters: {},
    });
    expect(config).toMatchObject({ type: "ECSRun", backend: "ecs", labels: ["eu", "prod"] });
    expect(warnings).toEqual([]);
  });

  test("is of the registered flow the message names", () => {
    const { request } = resolve({ flow: "load" }, { ...FLOW, version: 7 });
    expect(request.flow).toEqual({ ...FLOW, version: 7 });
    expect(request.runConfig).toEqual(ECS);
  });

  test("has the run config of the message instead if that has a type", () => {
    const { config, request } = resolve({ flow: FLOW, run_config: { type: "LocalRun" } });
    expect(config).toMatchObject({ type: "LocalRun", env: {}, labels: [] });
    expect(request.runConfig).toEqual({ type: "LocalRun" });
  });

  test("has the flow's run config with the message's laid over it if that has none", () => {
    const patch = { cpu: null, memory: "512", env: { A: null, B: "2" } };
    const { config } = resolve({ flow: FLOW, run_config: patch });
    expect(config.options).toMatchObject({ cpu: null, memory: "512" });
    expect(config.env).toEqual({ A: null, B: "2" });
  });

  test("is universal without any run config", () => {
    const { config } = resolve({ flow: { name: "load", command: "true" } });
    expect(config).toMatchObject({ type: "UniversalRun", backend: "any", labels: [] });
  });

  test("is refused with all faults of the run config a patch makes", () => {
    const error = refusal({ flow: "load", run_config: { cpu: 1, image: [] } }, FLOW);
    expect(error.code).toBe("invalid");
    expect(error.issues).toEqual([
      { path: "run_config.image", message: "expected text, got a list of 0" },
      { path: "run_config.cpu", message: "expected text, got 1 (number)" },
    ]);
  });

  test("is refused for a fault of the registered flow, at the flow", () => {
    const error = refusal({ flow: "load" }, { ...FLOW, run_config: { type: "ECSRun", cpu: 1 } });
    expect(error.issues.map(({ path }) => path)).toEqual(["flow.run_config.cpu"]);
  });

  test("warns of keys the effective run config does not know", () => {
    const { warnings } = resolve({ flow: "load", run_config: { gpu: "1" } }, FLOW);
    expect(warnings).toEqual(["run_config: ECSRun knows no gpu; ignored"]);
  });

  test("has the parameters of the flow with the message's laid over them", () => {
    const flow = { ...FLOW, parameters: { day: "today", deep: { a: 1 } } };
    const { request } = resolve({ flow, parameters: { deep: { b: 2 }, dry: true } });
    expect(request.parameters).toEqual({ day: "today", deep: { b: 2 }, dry: true });
  });

  test("starts when the message says", () => {
    const { request } = resolve({ flow: FLOW, scheduled_start_time: "2026-11-22T01:00:00Z" });
    expect(request.scheduledStart).toBe("2026-11-22T01:00:00.000Z");
  });
});

describe("the labels of a run", () => {
  const labels = (body: JsonObject) => {
    const { request, config } = resolve(body);
    expect(config.labels).toEqual(request.labels);
    return request.labels;
  };

  test("are those of the message, even none, before all others", () => {
    expect(labels({ flow: FLOW, labels: ["b", "a", "b"] })).toEqual(["a", "b"]);
    expect(labels({ flow: FLOW, labels: [] })).toEqual([]);
    expect(labels({ flow: FLOW, labels: ["a"], run_config: { type: "docker" } })).toEqual(["a"]);
  });

  test("are those of a run config given with a type: none if it has none", () => {
    expect(labels({ flow: FLOW, run_config: { type: "LocalRun", labels: ["x"] } })).toEqual(["x"]);
    expect(labels({ flow: FLOW, run_config: { type: "LocalRun" } })).toEqual([]);
  });

  test("are those of the flow's run config, as a patch leaves them", () => {
    expect(labels({ flow: FLOW, run_config: { cpu: "1" } })).toEqual(["eu", "prod"]);
    expect(labels({ flow: FLOW, run_config: { labels: ["x"] } })).toEqual(["x"]);
    expect(labels({ flow: FLOW, run_config: { labels: null } })).toEqual([]);
  });

  test("are never those of a flow runner", () => {
    const runner = { type: "docker", config: { labels: { team: "data" } } };
    expect(labels({ flow: { ...FLOW, run_config: runner } })).toEqual([]);
    expect(labels({ flow: FLOW, run_config: runner })).toEqual([]);
  });

  test("are those of a flow's old environment only if nothing newer is given", () => {
    const old = { name: "load", environment: { labels: ["old", "old"], executor: {} } };
    expect(labels({ flow: old })).toEqual(["old"]);
    expect(labels({ flow: old, run_config: { env: { A: "1" } } })).toEqual(["old"]);
    expect(labels({ flow: old, run_config: { labels: [] } })).toEqual([]);
    expect(labels({ flow: old, run_config: { type: "UniversalRun" } })).toEqual([]);
    expect(labels({ flow: { ...old, run_config: { type: "LocalRun" } } })).toEqual([]);
    expect(labels({ flow: { ...old, environment: {} } })).toEqual([]);
  });
});

describe("the engine of a run", () => {
  const runConfig = read({ type: "ECSRun" });
  const flowRunner = read({ type: "docker" });

  test("is the one the flow names", () => {
    const flow: Flow = { name: "load", command: "true", engine: "prefect1" };
    expect(engineNameOf(flow, flowRunner)).toBe("prefect1");
  });

  test("is command for a flow with a command", () => {
    const flow: Flow = { name: "load", command: ["true"] };
    expect(engineNameOf(flow, flowRunner)).toBe("command");
  });

  test("is otherwise the one the run config is made for", () => {
    const flow: Flow = { name: "load" };
    expect(engineNameOf(flow, flowRunner)).toBe("orion");
    expect(engineNameOf(flow, runConfig)).toBe("prefect1");
  });
});
