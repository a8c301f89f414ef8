import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PermanentError } from "../../src/errors.ts";
import type { Flow } from "../../src/flow.ts";
import { canonicalJson } from "../../src/json.ts";
import type { RegisteredFlow } from "../../src/registry.ts";
import { plus } from "../../src/time.ts";
import type { RegistryHarness, RegistryTraits } from "./registry-harness.ts";
import { makesOnce } from "./registry-once.ts";
import { jsonValues, names } from "./store-arbitraries.ts";
import { START } from "./store-samples.ts";

/** The promises every registry keeps. */
export function registryContract(name: string, traits: RegistryTraits): void {
  describe(`${name} registry`, () => {
    let harness: RegistryHarness;
    beforeEach(async () => {
      harness = await traits.open();
    });
    afterEach(() => harness.close());
    const current = () => harness;

    registers(current, traits);
    findsFlows(current);
    listsFlows(current);
    makesOnce(current);
  });
}

const LOAD: Flow = {
  name: "nightly-load",
  command: "python load.py",
  parameters: { day: "monday", limits: { rows: 10, columns: [1, 2] } },
};

function registers(current: () => RegistryHarness, traits: RegistryTraits): void {
  describe("register", () => {
    it("stores a flow as its first version", async () => {
      const { registry, reopen } = current();

      const registered = await registry.register(LOAD, START);

      expect(registered).toStrictEqual({
        name: "nightly-load",
        version: 1,
        flow: LOAD,
        registeredAt: START,
      });
      expect(await reopen().flow("nightly-load")).toStrictEqual(registered);
    });

    it("makes no new version of the same content, however its keys are ordered", async () => {
      const { registry, reopen } = current();
      const first = await registry.register(LOAD, START);
      const same: Flow = {
        parameters: { limits: { columns: [1, 2], rows: 10 }, day: "monday" },
        command: "python load.py",
        name: "nightly-load",
      };

      expect(await reopen().register(same, plus(START, 1_000))).toStrictEqual(first);
    });

    it("makes a new version of other content, and keeps the old one", async () => {
      const { registry } = current();
      const first = await registry.register(LOAD, START);

      const second = await registry.register({ ...LOAD, command: "python load2.py" }, START);

      expect(second.version).toBe(2);
      expect(await registry.flow("nightly-load", 1)).toStrictEqual(first);
      expect(await registry.flow("nightly-load", 2)).toStrictEqual(second);
    });

    it("makes a new version when the content goes back to an older one", async () => {
      const { registry } = current();
      await registry.register(LOAD, START);
      await registry.register({ ...LOAD, command: "other" }, START);

      expect((await registry.register(LOAD, START)).version).toBe(3);
    });

    it("counts the versions of each flow by themselves", async () => {
      const { registry } = current();
      await registry.register(LOAD, START);
      await registry.register({ ...LOAD, command: "other" }, START);

      expect((await registry.register({ ...LOAD, name: "weekly" }, START)).version).toBe(1);
    });

    it("makes one version if the same content is registered many times at once", async () => {
      const { registry, reopen } = current();
      const other = reopen();

      const answers = await Promise.all(
        Array.from({ length: 40 }, (_, index) =>
          (index % 2 === 0 ? registry : other).register(LOAD, START),
        ),
      );

      expect(new Set(answers.map((answer) => answer.version))).toStrictEqual(new Set([1]));
      expect(await registry.flow("nightly-load", 2)).toBeUndefined();
    });

    it("gives each of many contents that are registered at once a version of its own", async () => {
      const { registry, reopen } = current();
      const other = reopen();
      const flows = Array.from({ length: 20 }, (_, i): Flow => ({ ...LOAD, command: `run ${i}` }));

      const answers = await Promise.all(
        flows.map((flow, index) => (index % 2 === 0 ? registry : other).register(flow, START)),
      );

      const versions = answers.map((answer) => answer.version);
      expect(versions.toSorted((a, b) => a - b)).toStrictEqual(flows.map((_, i) => i + 1));
      for (const answer of answers) {
        expect(await registry.flow("nightly-load", answer.version)).toStrictEqual(answer);
      }
    });

    it("counts the changes of content, and keeps whatever JSON can say", async () => {
      const { registry, reopen } = current();
      const contents = fc.array(jsonValues, { minLength: 1, maxLength: 4 });
      const picks = fc.array(fc.nat(3), { minLength: 1, maxLength: 8 });
      await fc.assert(
        fc.asyncProperty(uniqueNames(), contents, picks, async (name, values, order) => {
          let changes = 0;
          let before: string | undefined;
          for (const pick of order) {
            const flow: Flow = { name, parameters: { value: values[pick % values.length] } };
            if (canonicalJson(flow) !== before) changes += 1;
            before = canonicalJson(flow);

            const registered = await registry.register(flow, START);

            expect(registered).toStrictEqual({ name, version: changes, flow, registeredAt: START });
            expect(await reopen().flow(name)).toStrictEqual(registered);
          }
        }),
        { numRuns: traits.cases },
      );
    });
  });
}

function findsFlows(current: () => RegistryHarness): void {
  describe("flow", () => {
    it("knows nothing of a flow that was never registered", async () => {
      expect(await current().registry.flow("unknown")).toBeUndefined();
      expect(await current().registry.flow("unknown", 1)).toBeUndefined();
    });

    it("finds the newest version unless one is named", async () => {
      const { registry } = current();
      for (let i = 1; i <= 11; i++)
        await registry.register({ ...LOAD, command: `run ${i}` }, START);

      expect(await registry.flow("nightly-load")).toMatchObject({ version: 11 });
      expect(await registry.flow("nightly-load", 9)).toMatchObject({ flow: { command: "run 9" } });
    });

    it("knows nothing of a version that was never made", async () => {
      const { registry } = current();
      await registry.register(LOAD, START);

      for (const version of [0, 2, -1]) {
        expect(await registry.flow("nightly-load", version)).toBeUndefined();
      }
    });

    it("tells names apart that differ in case or end alike", async () => {
      const { registry } = current();
      for (const name of ["load", "Load", "load 2", "größe", "a/b", "%"]) {
        await registry.register({ ...LOAD, name }, START);
      }

      for (const name of ["load", "Load", "load 2", "größe", "a/b", "%"]) {
        expect(await registry.flow(name)).toMatchObject({ name, version: 1 });
      }
      expect(await registry.flow("LOAD")).toBeUndefined();
    });
  });
}

function listsFlows(current: () => RegistryHarness): void {
  describe("flows", () => {
    it("is empty where nothing was registered", async () => {
      expect(await listAll(current())).toStrictEqual([]);
    });

    it("lists the newest version of each flow, by name", async () => {
      const { registry } = current();
      for (const name of ["c", "a", "b"]) await registry.register({ name }, START);
      const newest = await registry.register({ name: "b", command: "other" }, START);

      const flows = await listAll(current());

      expect(flows.map(({ name }) => name)).toStrictEqual(["a", "b", "c"]);
      expect(flows[1]).toStrictEqual(newest);
    });

    it("lists each flow once, whatever the size of a page", async () => {
      const { registry } = current();
      const all = Array.from({ length: 23 }, (_, i) => `flow-${String(i).padStart(2, "0")}`);
      await Promise.all(all.map((name) => registry.register({ name }, START)));

      for (const limit of [1, 4, 23, 500]) {
        const flows = await listAll(current(), limit);
        expect(flows.map(({ name }) => name)).toStrictEqual(all);
      }
    });

    it("refuses a cursor it has not made", async () => {
      const error: unknown = await current()
        .registry.flows({ cursor: "nonsense" })
        .catch((thrown: unknown) => thrown);

      expect(error).toBeInstanceOf(PermanentError);
      expect(error).toMatchObject({ code: "invalid" });
    });
  });
}

async function listAll(
  { registry, settled }: RegistryHarness,
  limit = 50,
): Promise<RegisteredFlow[]> {
  await settled();
  const all: RegisteredFlow[] = [];
  let cursor: string | undefined;
  do {
    const page = await registry.flows({ limit, ...(cursor === undefined ? {} : { cursor }) });
    expect(page.items.length).toBeLessThanOrEqual(limit);
    all.push(...page.items);
    cursor = page.next;
  } while (cursor !== undefined);
  return all;
}

/** Names of flows no other case has had. */
function uniqueNames(): fc.Arbitrary<string> {
  let cases = 0;
  return names.map((name) => {
    cases += 1;
    return `${name.trim()}-${cases}`;
  });
}
