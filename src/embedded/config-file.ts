import { readFileSync, statSync } from "node:fs";
import { parse as parseYaml } from "yaml";
import type { Agent } from "../agent.ts";
import { messageOf, PermanentError } from "../errors.ts";
import type { Logger } from "../log.ts";
import { yamlFault } from "./yaml-fault.ts";

/** What there is without a `sluice.yml`: one agent without labels that starts local processes. */
export const DEFAULT_CONFIG = { agents: { local: { backend: "local" } } } as const;

/** The agents of a file, which may change while they are in use. */
export interface ConfigFile {
  /** The agents as of the last reading. */
  readonly agents: readonly Agent[];
  /** Reads the file again if it has changed. One with faults, or gone, is logged, and the agents stay. */
  refresh(): Promise<void>;
}

/**
 * Reads `sluice.yml`. Throws `PermanentError` ("invalid") with every fault of it, also if it cannot be read, or
 * if `path` was asked for by name (`required`) and is not there.
 */
export async function openConfigFile(
  path: string,
  options: {
    readonly required: boolean;
    readonly log: Logger;
    parse(document: unknown): Promise<readonly Agent[]>;
  },
): Promise<ConfigFile> {
  let stamp = stampOf(path);
  if (stamp === undefined && options.required) {
    throw new PermanentError("invalid", `there is no ${path}: name an existing sluice.yml`);
  }
  let agents = await options.parse(stamp === undefined ? DEFAULT_CONFIG : readDocument(path));
  let missing = false;
  return {
    get agents() {
      return agents;
    },
    async refresh() {
      const newStamp = stampOf(path);
      if (newStamp === undefined) {
        // Its agents have runs at work; that the file is gone for a moment must not change them.
        if (stamp !== undefined && !missing)
          options.log.error("configuration not read", gone(path));
        missing = stamp !== undefined;
        return;
      }
      if (newStamp === stamp && !missing) return;
      stamp = newStamp;
      missing = false;
      try {
        agents = await options.parse(readDocument(path));
        options.log.info("configuration read again", { path, agents: agents.length });
      } catch (error) {
        options.log.error("configuration not read", { path, reason: messageOf(error) });
      }
    },
  };
}

/** The document of a `sluice.yml`. Throws `PermanentError` with line and column if it is not YAML. */
function readDocument(path: string): unknown {
  const document = parsed(path);
  if (document !== null) return document;
  throw new PermanentError(
    "invalid",
    `${path} is empty: expected agents, such as \`agents: { local: { backend: local } }\``,
  );
}

function parsed(path: string): unknown {
  const text = readText(path);
  try {
    return parseYaml(text);
  } catch (error) {
    throw yamlFault(error, `${path} is not YAML`);
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const message = `the file ${path} cannot be read: ${messageOf(error)}`;
    throw new PermanentError("invalid", message, { cause: error });
  }
}

function gone(path: string) {
  return { path, reason: "the file is gone: its agents stay as they were until it is back" };
}

function stampOf(path: string): string | undefined {
  try {
    const stat = statSync(path, { throwIfNoEntry: false });
    return stat === undefined ? undefined : `${stat.mtimeMs} ${stat.size} ${stat.ino}`;
  } catch (error) {
    // Whoever reads it then says why it cannot be read.
    return messageOf(error);
  }
}
