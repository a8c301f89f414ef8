import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Token, TokenStore } from "../../src/tokens.ts";
import { START } from "./store-samples.ts";

/** A token store as the contract needs it; a new and empty one is opened for each test. */
export interface TokensHarness {
  readonly tokens: TokenStore;
  /** The same tokens through another store, as another process would open it. */
  readonly reopen: () => TokenStore;
  /** Resolves when `find` and `list` show every write that has finished. */
  readonly settled: () => Promise<void>;
  readonly close: () => void | Promise<void>;
}

/** The promises every token store keeps. */
export function tokensContract(
  name: string,
  open: () => TokensHarness | Promise<TokensHarness>,
): void {
  describe(`${name} tokens`, () => {
    let harness: TokensHarness;
    beforeEach(async () => {
      harness = await open();
    });
    afterEach(() => harness.close());

    it("finds a token by its hash", async () => {
      const { tokens, reopen, settled } = harness;
      await tokens.add(token("ci", "run"));
      await tokens.add(token("boss", "admin"));
      await settled();

      expect(await reopen().find(token("ci", "run").hash)).toStrictEqual(token("ci", "run"));
      expect(await reopen().find(token("boss", "run").hash)).toStrictEqual(token("boss", "admin"));
    });

    it.each(["unknown", "", "%", "HASH-OF-CI", "hash-of-c"])(
      "finds nothing for %j",
      async (hash) => {
        const { tokens, settled } = harness;
        await tokens.add(token("ci", "run"));
        await settled();

        expect(await tokens.find(hash)).toBeUndefined();
      },
    );

    it("refuses another token of the same name, and leaves the one that is there", async () => {
      const { tokens, settled } = harness;
      await tokens.add(token("ci", "read"));
      const other: Token = { ...token("ci", "admin"), hash: "another hash" };

      await expect(tokens.add(other)).rejects.toMatchObject({
        code: "conflict",
        message: "a token ci exists: remove it first, or choose another name",
      });
      await settled();

      expect(await tokens.find("another hash")).toBeUndefined();
      expect(await tokens.find("hash-of-ci")).toStrictEqual(token("ci", "read"));
      expect(await tokens.list()).toStrictEqual([token("ci", "read")]);
    });

    it("adds one of several tokens of the same name that come at once", async () => {
      const { tokens, reopen, settled } = harness;
      const added = await Promise.allSettled(
        [tokens, reopen(), reopen()].map((store, index) =>
          store.add({ ...token("ci", "run"), hash: `hash ${index}` }),
        ),
      );
      await settled();

      const isAdded = added.map(({ status }) => status === "fulfilled");
      expect(isAdded.filter(Boolean)).toHaveLength(1);
      const found = await Promise.all(added.map((_, index) => tokens.find(`hash ${index}`)));
      expect(found.map((one) => one !== undefined)).toStrictEqual(isAdded);
    });

    it("lists all tokens by name", async () => {
      const { tokens, settled } = harness;
      expect(await tokens.list()).toStrictEqual([]);
      for (const name of ["c", "a", "b"]) await tokens.add(token(name, "read"));
      await settled();

      expect((await tokens.list()).map(({ name }) => name)).toStrictEqual(["a", "b", "c"]);
    });

    it("removes a token by name, and says whether there was one", async () => {
      const { tokens, settled } = harness;
      await tokens.add(token("ci", "run"));
      await tokens.add(token("boss", "admin"));

      expect(await tokens.remove("ci")).toBe(true);
      expect(await tokens.remove("ci")).toBe(false);
      await settled();

      expect(await tokens.find("hash-of-ci")).toBeUndefined();
      expect(await tokens.list()).toStrictEqual([token("boss", "admin")]);
    });

    it("takes back a name that was removed", async () => {
      const { tokens, settled } = harness;
      await tokens.add(token("ci", "run"));
      await tokens.remove("ci");

      await tokens.add(token("ci", "read"));
      await settled();

      expect(await tokens.find("hash-of-ci")).toStrictEqual(token("ci", "read"));
    });
  });
}

function token(name: string, scope: Token["scope"]): Token {
  return { name, scope, hash: `hash-of-${name}`, createdAt: START };
}
