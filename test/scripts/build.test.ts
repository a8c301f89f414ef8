import { join } from "node:path";
import type { Metafile } from "esbuild";
import { beforeAll, describe, expect, test } from "vitest";
import { buildFunctions } from "../../scripts/build.ts";
import { FUNCTIONS } from "../serverless/template.ts";

describe("the bundles of the functions", () => {
  let metafile: Metafile;
  const folder = "dist/functions";

  beforeAll(async () => {
    ({ metafile } = await buildFunctions(join("examples", "aws.yml")));
  }, 120_000);

  /** The files a function loads before its first event. */
  function loadedAtStart(file: string, seen = new Set<string>()): Set<string> {
    if (seen.has(file)) return seen;
    seen.add(file);
    for (const { path, kind } of metafile.outputs[file]?.imports ?? []) {
      if (kind === "import-statement" && path in metafile.outputs) loadedAtStart(path, seen);
    }
    return seen;
  }

  const inputsOf = (name: string) =>
    [...loadedAtStart(`${folder}/${name}.js`)].flatMap((file) =>
      Object.keys(metafile.outputs[file]?.inputs ?? {}),
    );

  test.each(FUNCTIONS.map((name) => name.toLowerCase()))(
    "of %s hold at most 700 KB that are loaded at the start",
    (name) => {
      const bytes = [...loadedAtStart(`${folder}/${name}.js`)].reduce(
        (sum, file) => sum + (metafile.outputs[file]?.bytes ?? 0),
        0,
      );
      expect(bytes).toBeGreaterThan(100_000);
      expect(bytes).toBeLessThanOrEqual(700 * 1024);
    },
  );

  test.each([
    ["dispatch", []],
    ["poll", []],
    ["observe", []],
    ["abandon", []],
    ["api", []],
    ["publish", ["client-eventbridge"]],
  ])("of %s load no other client of AWS at the start than %j", (name, clients) => {
    const found = inputsOf(name).flatMap((input) => {
      const [, client] = /@aws-sdk\/(client-[a-z0-9-]+)\//.exec(input) ?? [];
      return client === undefined ? [] : [client];
    });
    expect([...new Set(found)]).toEqual(clients);
  });

  test("never hold the library for Docker, and load Google's and Kubernetes' only when used", () => {
    const inputs = Object.keys(metafile.inputs);
    expect(inputs.filter((input) => input.includes("node_modules/dockerode/"))).toEqual([]);
    for (const name of FUNCTIONS.map((name) => name.toLowerCase())) {
      const early = inputsOf(name).filter((input) => /@google-cloud|@kubernetes|gax/.test(input));
      expect(early).toEqual([]);
    }
  });

  test("start", async () => {
    for (const name of FUNCTIONS.map((name) => name.toLowerCase())) {
      const module = (await import(join(process.cwd(), folder, `${name}.js`))) as {
        readonly handler?: unknown;
      };
      expect(typeof module.handler).toBe("function");
    }
  });
});
