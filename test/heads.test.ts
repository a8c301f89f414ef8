import { describe } from "vitest";
import { openSqlite } from "../src/stores/sqlite/database.ts";
import { sqliteStore } from "../src/stores/sqlite/runs.ts";
import { smallHeads } from "./contracts/heads.ts";

describe("heads on sqlite", () => {
  smallHeads(() => sqliteStore(openSqlite(":memory:")), 60);
});
