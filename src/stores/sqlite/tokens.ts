import { type Scope, type Token, type TokenStore, tokenExists } from "../../tokens.ts";
import type { Sqlite } from "./database.ts";

/** Tokens of the HTTP API in a data file. */
export function sqliteTokens(db: Sqlite): TokenStore {
  return {
    add: async ({ name, scope, hash, createdAt }) => {
      const added = db.run(ADD_TOKEN, { name, scope, hash, created_at: createdAt });
      if (added === 0) throw tokenExists(name);
    },
    find: async (hash) =>
      (db.rows("SELECT * FROM tokens WHERE hash = $hash", { hash }) as readonly TokenRow[]).map(
        tokenOf,
      )[0],
    list: async () =>
      (db.rows("SELECT * FROM tokens ORDER BY name") as readonly TokenRow[]).map(tokenOf),
    remove: async (name) => db.run("DELETE FROM tokens WHERE name = $name", { name }) > 0,
  };
}

const ADD_TOKEN = `
  INSERT INTO tokens (name, scope, hash, created_at) VALUES ($name, $scope, $hash, $created_at)
  ON CONFLICT (name) DO NOTHING`;

interface TokenRow {
  readonly name: string;
  readonly scope: string;
  readonly hash: string;
  readonly created_at: string;
}

function tokenOf({ name, scope, hash, created_at }: TokenRow): Token {
  return { name, scope: scope as Scope, hash, createdAt: created_at };
}
