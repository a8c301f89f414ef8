import { describe, expect, it } from "vitest";
import type { RegistryHarness } from "./registry-harness.ts";

const CROWD = 50;

export function makesOnce(current: () => RegistryHarness): void {
  describe("once", () => {
    it("makes what was never made, and remembers it", async () => {
      const { registry, reopen } = current();
      const maker = counter();

      expect(await registry.once("key", maker.make)).toBe("made 1");
      expect(await registry.once("key", maker.make)).toBe("made 1");
      expect(await reopen().once("key", maker.make)).toBe("made 1");
      expect(maker.count()).toBe(1);
    });

    it("tells keys apart", async () => {
      const { registry } = current();
      const keys = ["a", "A", "a ", "a/b", "größe", "arn:aws:ecs:eu-west-1:1:cluster/x#sluice"];

      for (const key of keys) await registry.once(key, async () => `made for ${key}`);

      for (const key of keys) {
        expect(await registry.once(key, unneeded)).toBe(`made for ${key}`);
      }
    });

    it(`makes once for ${CROWD} callers at the same time`, async () => {
      const { registry, reopen } = current();
      const other = reopen();
      const maker = counter();

      const values = await Promise.all(
        Array.from({ length: CROWD }, (_, index) =>
          (index % 2 === 0 ? registry : other).once("key", maker.make),
        ),
      );

      expect(new Set(values)).toStrictEqual(new Set(["made 1"]));
      expect(maker.count()).toBe(1);
    });

    it("lets a caller wait while another one makes", async () => {
      const { registry, reopen } = current();
      const gate = Promise.withResolvers<string>();
      const began = Promise.withResolvers<void>();
      const first = registry.once("key", () => {
        began.resolve();
        return gate.promise;
      });
      await began.promise;
      const second = reopen().once("key", unneeded);

      gate.resolve("made");

      expect(await Promise.all([first, second])).toStrictEqual(["made", "made"]);
    });

    it("makes for one key while another one is being made", async () => {
      const { registry } = current();
      const gate = Promise.withResolvers<string>();
      const began = Promise.withResolvers<void>();
      const slow = registry.once("slow", () => {
        began.resolve();
        return gate.promise;
      });
      await began.promise;

      expect(await registry.once("quick", async () => "quick")).toBe("quick");

      gate.resolve("slow");
      expect(await slow).toBe("slow");
    });

    it("passes on why making failed, and lets the next caller make", async () => {
      const { registry, reopen } = current();
      const fault = new Error("too many at once");

      await expect(registry.once("key", () => Promise.reject(fault))).rejects.toBe(fault);

      expect(await reopen().once("key", async () => "made")).toBe("made");
    });

    it("lets one of those who waited make when the first one fails", async () => {
      const { registry, reopen } = current();
      const other = reopen();
      const maker = counter({ failures: 1 });

      const answers = await Promise.allSettled(
        Array.from({ length: CROWD }, (_, index) =>
          (index % 2 === 0 ? registry : other).once("key", maker.make),
        ),
      );

      const values = answers.filter((answer) => answer.status === "fulfilled");
      expect(values).toHaveLength(CROWD - 1);
      expect(new Set(values.map(({ value }) => value))).toStrictEqual(new Set(["made 2"]));
      expect(maker.count()).toBe(2);
    });

    it("takes over from a maker that died", async () => {
      const { registry, reopen, outliveMakers } = current();
      const began = Promise.withResolvers<void>();
      void registry.once("key", () => {
        began.resolve();
        return new Promise<string>(() => {});
      });
      await began.promise;

      await outliveMakers();

      expect(await reopen().once("key", async () => "made")).toBe("made");
    });

    it("keeps the value stored first if a maker was believed dead and was not", async () => {
      const { registry, reopen, outliveMakers } = current();
      const gate = Promise.withResolvers<string>();
      const began = Promise.withResolvers<void>();
      const late = registry.once("key", () => {
        began.resolve();
        return gate.promise;
      });
      await began.promise;
      await outliveMakers();
      await reopen().once("key", async () => "in time");

      gate.resolve("late");

      expect(await late).toBe("in time");
      expect(await registry.once("key", unneeded)).toBe("in time");
    });

    it("does not give back the claim of another when a maker believed dead fails", async () => {
      const { registry, reopen, outliveMakers } = current();
      const lateGate = Promise.withResolvers<string>();
      const gate = Promise.withResolvers<string>();
      const began = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const;
      const late = registry.once("key", () => {
        began[0].resolve();
        return lateGate.promise;
      });
      await began[0].promise;
      await outliveMakers();
      const second = reopen().once("key", () => {
        began[1].resolve();
        return gate.promise;
      });
      await began[1].promise;

      lateGate.reject(new Error("too late"));
      await expect(late).rejects.toThrow("too late");
      const third = registry.once("key", unneeded);
      gate.resolve("made");

      expect(await Promise.all([second, third])).toStrictEqual(["made", "made"]);
    });
  });
}

/** Makes "made 1", "made 2" … and counts; the first `failures` calls fail. */
function counter({ failures = 0 } = {}): { make: () => Promise<string>; count: () => number } {
  let calls = 0;
  return {
    make: async () => {
      calls += 1;
      const call = calls;
      // Others get a chance to call meanwhile.
      for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
      if (call <= failures) throw new Error(`call ${call} fails`);
      return `made ${call}`;
    },
    count: () => calls,
  };
}

async function unneeded(): Promise<string> {
  throw new Error("this was made already, or is being made by another");
}
