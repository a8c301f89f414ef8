import { describe, expect, test } from "vitest";
import { canonicalJson } from "../src/json.ts";
import { registerFlow } from "../src/register.ts";
import { MAX_BODY_BYTES } from "../src/store.ts";
import { testApp } from "./fakes/app.ts";

describe("registering a flow", () => {
  test("makes a new version only when its content changed", async () => {
    const { app } = testApp();
    const first = await registerFlow(app, {
      name: "load",
      command: "a",
      parameters: { x: 1, y: 2 },
    });
    expect(first).toMatchObject({ created: true, registered: { name: "load", version: 1 } });
    const same = await registerFlow(app, {
      parameters: { y: 2, x: 1 },
      command: "a",
      name: "load",
      version: 9,
    });
    expect(same).toMatchObject({ created: false, registered: { version: 1 } });
    const changed = await registerFlow(app, { name: "load", command: "b" });
    expect(changed).toMatchObject({ created: true, registered: { version: 2 } });
  });

  test("takes its name from the address it is sent to, and refuses another one", async () => {
    const { app } = testApp();
    expect(await registerFlow(app, { command: "a" }, "load")).toMatchObject({ created: true });
    await expect(registerFlow(app, { name: "other" }, "load")).rejects.toMatchObject({
      code: "invalid",
      issues: [{ path: "name", message: "expected load, as it is addressed, got other" }],
    });
  });

  test("names all faults, those of its run config too", async () => {
    const { app } = testApp();
    const faulty = { name: "load", command: 3, run_config: { type: "ECSRun", cpu: 1 } };
    await expect(registerFlow(app, faulty)).rejects.toMatchObject({
      issues: [{ path: "command" }, { path: "run_config.cpu" }],
    });
    await expect(registerFlow(app, [])).rejects.toMatchObject({ issues: [{ path: "" }] });
    const deep = JSON.parse(`{"name":"x","parameters":${"[".repeat(200)}${"]".repeat(200)}}`);
    await expect(registerFlow(app, deep)).rejects.toMatchObject({
      issues: [{ path: "parameters" }],
    });
  });

  test("takes what a run can carry, and refuses the first byte more", async () => {
    const { app } = testApp();
    const around = canonicalJson({ name: "load", parameters: { text: "" } }).length;
    const flow = (bytes: number) => ({
      name: "load",
      parameters: { text: `é${"a".repeat(bytes - around - 2)}` },
    });
    await expect(registerFlow(app, flow(MAX_BODY_BYTES + 1))).rejects.toMatchObject({
      code: "too_large",
      message: `flow load takes ${MAX_BODY_BYTES + 1} bytes to store: expected at most ${MAX_BODY_BYTES}; store large parameters elsewhere and pass their address`,
    });
    expect(await app.registry.flow("load")).toBeUndefined();
    expect(await registerFlow(app, flow(MAX_BODY_BYTES))).toMatchObject({ created: true });
  });

  test("warns of keys nobody reads", async () => {
    const { app } = testApp();
    const document = { name: "load", colour: 1, run_config: { type: "LocalRun", size: 2 } };
    expect((await registerFlow(app, document)).warnings.join()).toMatch(/colour.*size/);
  });
});
