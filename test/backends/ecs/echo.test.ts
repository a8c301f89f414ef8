import { describe, expect, it } from "vitest";
import { lostOverrides } from "../../../src/backends/ecs/echo.ts";
import type { TaskView } from "../../../src/backends/ecs/status.ts";

const RUN_ID = { name: "SLUICE_RUN_ID", value: "run-1" };

/** RunTask's input with this entry for the flow. */
function sent(entry: object) {
  return { overrides: { containerOverrides: [{ name: "other" }, { name: "flow", ...entry }] } };
}

describe("the overrides in an answer of ecs", () => {
  const flow = { command: ["python", "load.py"], environment: [RUN_ID] };

  it.each<[what: string, overrides: TaskView["overrides"]]>([
    ["are the same", { containerOverrides: [{ name: "flow", ...flow }] }],
    [
      "have more variables",
      {
        containerOverrides: [
          { name: "flow", ...flow, environment: [{ name: "A", value: "1" }, RUN_ID] },
        ],
      },
    ],
    ["are not told", undefined],
    ["are null", null],
    ["are empty", {}],
    ["tell nothing of containers", { containerOverrides: null }],
  ])("are believed if they %s", (_what, overrides) => {
    expect(lostOverrides(sent(flow), { overrides })).toBeUndefined();
  });

  it("may lack a command where none was sent", () => {
    const { environment } = flow;
    const overrides = { containerOverrides: [{ name: "flow", environment }] };
    expect(lostOverrides(sent({ environment }), { overrides })).toBeUndefined();
    expect(lostOverrides({}, { overrides: { containerOverrides: [] } })).toBeUndefined();
  });

  it.each<[what: string, entry: object | undefined, lost: string]>([
    ["no entry", undefined, "the command and the variable SLUICE_RUN_ID"],
    ["an empty entry", {}, "the command and the variable SLUICE_RUN_ID"],
    ["no command", { environment: [RUN_ID] }, "the command"],
    ["another command", { ...flow, command: ["python"] }, "the command"],
    ["no variables", { command: flow.command }, "the variable SLUICE_RUN_ID"],
    [
      "another run",
      { ...flow, environment: [{ ...RUN_ID, value: "run-2" }] },
      "the variable SLUICE_RUN_ID",
    ],
  ])("are lost with %s for the flow", (_what, entry, lost) => {
    const containerOverrides = entry === undefined ? [] : [{ name: "flow", ...entry }];
    expect(lostOverrides(sent(flow), { overrides: { containerOverrides } })).toBe(lost);
  });
});
