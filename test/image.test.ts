import { describe, expect, it } from "vitest";
import type { EngineName } from "../src/engine.ts";
import { engines } from "../src/engines/index.ts";
import { PermanentError } from "../src/errors.ts";
import type { Flow } from "../src/flow.ts";
import { imageOf } from "../src/image.ts";
import type { JsonObject } from "../src/json.ts";
import { launchRequest } from "./contracts/request.ts";

interface Parts {
  readonly engine?: EngineName;
  readonly flow?: Partial<Flow>;
  readonly options?: JsonObject;
  readonly template?: string | null;
}

function image({ engine = "prefect1", flow = {}, options = {}, template }: Parts): string {
  const request = launchRequest({ flow, config: { options } });
  return imageOf({ ...request, template, engine: engines[engine] });
}

const storage = {
  type: "Docker",
  registry_url: "registry.example.com",
  image_name: "etl",
  image_tag: "7",
};

describe("the image of a run", () => {
  it("is that of Docker storage before any other", () => {
    const parts = { flow: { storage }, options: { image: "rc:1" }, template: "t:1" };
    expect(image(parts)).toBe("registry.example.com/etl:7");
    expect(image({ ...parts, engine: "command" })).toBe("registry.example.com/etl:7");
  });

  it.each([
    ["https://reg/x", "etl", "https:/reg/x/etl:7"],
    ["reg//x/", "./etl", "reg/x/etl:7"],
    [null, "etl", "etl:7"],
    ["/abs", "etl", "/abs/etl:7"],
    ["//two", "etl", "//two/etl:7"],
    ["///three", "etl", "/three/etl:7"],
    ["reg", "//etl", "//etl:7"],
  ])(
    "joins the registry %j and the name %j as paths are joined",
    (registry_url, image_name, expected) => {
      const joined = { ...storage, registry_url, image_name };
      expect(image({ flow: { storage: joined } })).toBe(expected);
    },
  );

  it("is the run config's before the template's", () => {
    expect(image({ options: { image: "rc:1" }, template: "t:1" })).toBe("rc:1");
    expect(image({ options: { image: null }, template: "t:1" })).toBe("t:1");
  });

  it.each([
    ["1.4.1", "prefecthq/prefect:1.4.1"],
    ["1.4.1+3.gabc", "prefecthq/prefect:1.4.1"],
    ["", "prefecthq/prefect:latest"],
    [null, "prefecthq/prefect:latest"],
    [undefined, "prefecthq/prefect:latest"],
  ])("is at last Prefect's own for core_version %j", (core_version, expected) => {
    expect(image({ flow: core_version === undefined ? {} : { core_version } })).toBe(expected);
    expect(
      image({ flow: core_version === undefined ? {} : { core_version }, template: null }),
    ).toBe(expected);
  });

  it("may be an empty text with prefect1, as in Prefect", () => {
    expect(image({ options: { image: "" }, template: "t:1" })).toBe("");
    expect(image({ template: "" })).toBe("");
  });

  it.each(["command", "orion"] as const)("has no default with the engine %s", (engine) => {
    expect(() => image({ engine })).toThrow(/run_config\.image: expected an image.*this one is/);
    expect(() => image({ engine, options: { image: "" } })).toThrow(PermanentError);
    expect(image({ engine, options: { image: "x:1" } })).toBe("x:1");
  });

  it("is refused where Docker storage does not name it, each missing part by itself", () => {
    const flow = { storage: { type: "Docker", registry_url: 5, image_tag: null } };
    expect(() => image({ flow })).toThrow(
      expect.objectContaining({
        code: "invalid",
        issues: [
          expect.objectContaining({ path: "flow.storage.registry_url" }),
          expect.objectContaining({ path: "flow.storage.image_name" }),
          expect.objectContaining({ path: "flow.storage.image_tag" }),
        ],
      }),
    );
  });

  it("does not depend on other storage", () => {
    const other = { type: "S3", image_name: "etl", image_tag: "7" };
    expect(image({ flow: { storage: other }, options: { image: "rc:1" } })).toBe("rc:1");
  });
});
