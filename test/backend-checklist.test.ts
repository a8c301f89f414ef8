import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { backends } from "../src/backends/index.ts";

describe.each(Object.keys(backends))("backend %s", (name) => {
  test("has the same files as its siblings", () => {
    for (const file of ["index", "options", "request", "status", "errors", "api"]) {
      expect(existsSync(`src/backends/${name}/${file}.ts`), file).toBe(true);
    }
  });

  test("runs the contract of all backends", () => {
    const path = `test/backends/${name}/contract.test.ts`;
    expect(existsSync(path), path).toBe(true);
    expect(readFileSync(path, "utf8")).toMatch(/backendContract/);
  });

  test("has a page that names each option of its agents", async () => {
    const page = readFileSync(`docs/backends/${name}.md`, "utf8");
    const module = await backends[name as keyof typeof backends]();
    const { shape } = module.backend.agentOptions as unknown as { shape: object };
    expect(Object.keys(shape).filter((option) => !page.includes(`\`${option}\``))).toEqual([]);
  });

  test("has an example and a sample event", () => {
    expect(existsSync(`examples/${name}.yml`), "example").toBe(true);
    expect(existsSync(`examples/${name}/sluice.yml`), "agent").toBe(true);
    expect(existsSync(`events/dispatch.${name}.json`), "event").toBe(true);
  });
});
