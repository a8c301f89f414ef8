import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { cancel } from "../../../src/cancel.ts";
import { turn } from "../../../src/embedded/loop.ts";
import { openSharedTable } from "../../../src/embedded/shared-table.ts";
import { LOST_AFTER_MS } from "../../../src/hosts.ts";
import { runLogs } from "../../../src/logs.ts";
import { poll } from "../../../src/poll.ts";
import { isFinal, type Run } from "../../../src/run.ts";
import { allows, superfluousIn, useOf } from "../../serverless/policies.ts";
import { type RemoteAgent, remoteAgent, statementsIn } from "./remote-agent.ts";

let remote: RemoteAgent;
beforeEach(async () => {
  // As an environment that has credentials: nobody checks these.
  process.env["AWS_ACCESS_KEY_ID"] = "test";
  process.env["AWS_SECRET_ACCESS_KEY"] = "test";
  remote = await remoteAgent(inject("dynamodb"), { agent: { backend: "local" } });
});
afterEach(async () => {
  await remote.close();
  delete process.env["AWS_ACCESS_KEY_ID"];
  delete process.env["AWS_SECRET_ACCESS_KEY"];
});

describe("the rights that docs/agents.md gives a host", () => {
  test("are those it uses, in all it does, and no others", async () => {
    const { cloud, start, until, boot } = remote;
    const isOver = ({ state }: Run) => isFinal(state);

    await start("r1", "echo hello");
    const host = await boot();
    await until(host, "r1", isOver);
    const { items } = await host.app.store.list({ search: "r1", limit: 2 });
    expect(items.map(({ id }) => id)).toEqual(["r1"]);
    expect((await runLogs(host.app, "r1")).lines).toMatchObject([{ text: "hello" }]);
    await start("r2", "exec sleep 600");
    await until(host, "r2", ({ state }) => state.type === "running");
    await cancel(cloud, "r2");
    await until(host, "r2", isOver);
    await start("r3", "exit 3");
    expect((await until(host, "r3", isOver)).state.type).toBe("failed");

    await start("r4", "exec sleep 600");
    const running = await until(host, "r4", ({ state }) => state.type === "running");
    remote.pass(LOST_AFTER_MS);
    await poll(cloud);
    expect((await cloud.store.get("r4"))?.state.type).toBe("crashed");
    // Another machine takes the agent over, and looks what became of the runs of the first one.
    const second = await boot("elsewhere");
    await turn(second);
    if (running.state.type !== "running") throw new Error("expected a running run");
    const [agent] = host.app.agents;
    if (agent === undefined) throw new Error("expected an agent");
    await (await host.app.backend(agent)).cancel(running.state.job);

    const used = remote.proxy.calls.map(useOf);
    const statements = statementsIn(readFileSync("docs/agents.md", "utf8"), remote.table);
    const missing = used.filter((use) => !statements.some((one) => allows(one, use)));
    expect(new Set(missing.map((use) => JSON.stringify(use)))).toEqual(new Set());
    expect(statements.flatMap((one) => superfluousIn(one, used))).toEqual([]);
  });
});

describe("a table that cannot be opened", () => {
  test.each([
    ["ExpiredTokenException", "forbidden", /have expired: .*renew them/],
    ["InvalidSignatureException", "forbidden", /do not fit/],
    ["AccessDeniedException", "forbidden", /may not be read/],
    ["UnrecognizedClientException", "forbidden", /do not fit/],
    ["ResourceNotFoundException", "not_found", /there is no table/],
  ])("says why: %s", async (error, code, message) => {
    remote.proxy.break({ type: "refused", status: 400, error }, () => true, 20);
    await expect(openSharedTable(remote.table)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });

  test("is tried again if the table does not answer for now", async () => {
    remote.proxy.break(
      { type: "refused", status: 500, error: "InternalServerError" },
      () => true,
      20,
    );
    await expect(openSharedTable(remote.table)).rejects.toMatchObject({
      name: "InternalServerError",
    });
  });
});
