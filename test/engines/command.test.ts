import { describe, expect, it } from "vitest";
import { ENGINES } from "../../src/engine.ts";
import { engines } from "../../src/engines/index.ts";
import { launchRequest } from "../contracts/request.ts";

const BACKENDS = ["ecs", "vertex", "kubernetes", "docker", "local"];

describe("the record of engines", () => {
  it("holds every engine under its own name", () => {
    expect(Object.keys(engines).sort()).toEqual([...ENGINES].sort());
    for (const name of ENGINES) expect(engines[name].name).toBe(name);
  });
});

describe("the engine command", () => {
  const { command } = engines;

  it.each(BACKENDS)("runs a list as it is and a text by a shell on %s", (backend) => {
    const run = (given: string | string[]) =>
      command.command(launchRequest({ flow: { command: given }, agent: { backend } }));
    expect(run(["python", "a b.py", ""])).toEqual(["python", "a b.py", ""]);
    expect(run("python  a.py | tee log")).toEqual(["/bin/sh", "-c", "python  a.py | tee log"]);
  });

  it("leaves the command to the image when the flow has none", () => {
    expect(command.command(launchRequest())).toBeUndefined();
  });

  it("sets no variables and hides none", () => {
    const request = launchRequest({ flow: { command: "x" } });
    expect(command.defaults(request)).toEqual({});
    expect(command.required(request, { A: "1" })).toEqual({});
    expect(command.secrets).toEqual([]);
  });
});
