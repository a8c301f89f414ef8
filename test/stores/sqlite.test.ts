import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { sqliteRegistry } from "../../src/stores/sqlite/flows.ts";
import { sqliteHosts } from "../../src/stores/sqlite/hosts.ts";
import { sqliteStore } from "../../src/stores/sqlite/runs.ts";
import { sqliteTokens } from "../../src/stores/sqlite/tokens.ts";
import { hostsContract } from "../contracts/hosts.ts";
import { registryContract } from "../contracts/registry.ts";
import { storeContract } from "../contracts/store.ts";
import { START } from "../contracts/store-samples.ts";
import { tokensContract } from "../contracts/tokens.ts";
import { openFile } from "./sqlite-file.ts";

/** A data file shows every write at once, to everybody. */
const settled = async (): Promise<void> => {};

storeContract("sqlite", {
  answers: "local",
  now: START,
  cases: 40,
  open() {
    const file = openFile();
    return {
      store: sqliteStore(file.db),
      reopen: () => sqliteStore(file.reopen()),
      settled,
      close: file.close,
    };
  },
});

registryContract("sqlite", {
  cases: 40,
  open() {
    const file = openFile();
    let ahead = 0;
    const options = {
      now: () => new Date(Date.now() + ahead),
      newId: randomUUID,
      sleep: () => sleep(1),
      leaseMs: 60_000,
    };
    return {
      registry: sqliteRegistry(file.db, options),
      reopen: () => sqliteRegistry(file.reopen(), options),
      settled,
      outliveMakers() {
        ahead += 60_000;
      },
      close: file.close,
    };
  },
});

tokensContract("sqlite", () => {
  const file = openFile();
  return {
    tokens: sqliteTokens(file.db),
    reopen: () => sqliteTokens(file.reopen()),
    settled,
    close: file.close,
  };
});

hostsContract("sqlite", () => {
  const file = openFile();
  return {
    hosts: sqliteHosts(file.db),
    reopen: () => sqliteHosts(file.reopen()),
    close: file.close,
  };
});
