import { type Scope, type Token, type TokenStore, tokenExists } from "../../tokens.ts";
import { type Item, textOf } from "./item.ts";
import { nameKey } from "./keys.ts";
import type { Key, Table } from "./table.ts";

/**
 * Tokens of the HTTP API in a table. What counts is the item under the name; the one under the hash only
 * says which name to look at. So a token that was removed is worthless at once, and an item that a crash
 * has left under its hash leads nowhere.
 */
export function dynamoTokens(table: Table): TokenStore {
  return {
    async add(token) {
      await table.put({ ...hashItem(token.hash), name: token.name });
      const { done, item } = await table.insert(itemOf(token));
      // The answer to a write may be lost and the write made again.
      if (done || item?.["hash"] === token.hash) return;
      await table.remove(hashItem(token.hash));
      throw tokenExists(token.name);
    },
    async find(hash) {
      const pointer = await table.get(hashItem(hash));
      if (pointer === undefined) return undefined;
      const item = await table.get(nameItem(textOf(pointer, "name")));
      return item === undefined || item["hash"] !== hash ? undefined : tokenOf(item);
    },
    async list() {
      const items = table.query({ where: "#pk = :pk", values: { pk: "tokens" }, pageSize: 500 });
      return (await Array.fromAsync(items)).map(tokenOf);
    },
    async remove(name) {
      const item = await table.get(nameItem(name));
      if (item === undefined) return false;
      await table.remove(nameItem(name));
      await table.remove(hashItem(textOf(item, "hash")));
      return true;
    },
  };
}

function nameItem(name: string): Key {
  return { pk: "tokens", sk: `token#${nameKey(name)}` };
}

function hashItem(hash: string): Key {
  return { pk: `hash#${hash}`, sk: "token" };
}

function itemOf({ name, scope, hash, createdAt }: Token): Item & Key {
  return { ...nameItem(name), name, scope, hash, created_at: createdAt };
}

function tokenOf(item: Item): Token {
  return {
    name: textOf(item, "name"),
    scope: textOf(item, "scope") as Scope,
    hash: textOf(item, "hash"),
    createdAt: textOf(item, "created_at"),
  };
}
