import type { Scope, Token, TokenStore } from "../../tokens.ts";
import type { Sqlite } from "./database.ts";

/** Tokens of the HTTP API in a data file. */
export function sqliteTokens(db: Sqlite): TokenStore {
  return {
    add: async ({ name, scope, hash, createdAt }) => {
      db.run(PUT_TOKEN, {
        name,
        scope,
        hash,
        created_at: createdAt,
      });
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

/** Not REPLACE, which would also remove a token of another name that has the same hash. */
const PUT_TOKEN = `
  INSERT INTO tokens (name, scope, hash, created_at) VALUES ($name, $scope, $hash, $created_at)
  ON CONFLICT (name) DO UPDATE SET scope = excluded.scope, hash = excluded.hash,
                                   created_at = excluded.created_at`;

interface TokenRow {
  readonly name: string;
  readonly scope: string;
  readonly hash: string;
  readonly created_at: string;
}

function tokenOf({ name, scope, hash, created_at }: TokenRow): Token {
  return { name, scope: scope as Scope, hash, createdAt: created_at };
}
