import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parse } from "yaml";
import type { Agent } from "../src/agent.ts";
import { openAgents } from "../src/backends/open.ts";
import { invalid } from "../src/errors.ts";
import { silentLogger } from "../src/log.ts";
import { templateAddress } from "../src/templates/address.ts";
import { worksInCloud } from "./rights.ts";

/** The options of agents that hold the address of a template. */
const ADDRESSES = ["task_definition_path", "run_task_kwargs_path", "job_template_path"];

/**
 * Checks a `sluice.yml` and packages it for the functions: `sluice.json`, and below `files/` every file of
 * this machine that its agents name, as a path or as an `agent://` entry of their templates. Throws
 * `PermanentError` ("invalid") with every fault, a file that is not there among them.
 */
export async function packageConfig(config: string, folder: string): Promise<void> {
  const { document, agents } = await readAgents(config);
  const named = agents.filter(worksInCloud).flatMap(filesOf);
  const missing = named.filter(({ from }) => !existsSync(from));
  if (missing.length > 0) {
    throw invalid(
      config,
      missing.map(({ path, from }) => ({
        path,
        message: `expected a file, and there is no ${from}`,
      })),
    );
  }
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, "files"), { recursive: true });
  for (const { from, to } of named) {
    mkdirSync(join(folder, "files", dirname(to)), { recursive: true });
    cpSync(from, join(folder, "files", to), { recursive: true, dereference: true });
  }
  writeFileSync(join(folder, "sluice.json"), `${JSON.stringify(document, undefined, 2)}\n`);

  /** Relative paths start at the file that holds them; in the package, at its root. */
  function filesOf(agent: Agent): readonly NamedFile[] {
    const options = ADDRESSES.flatMap((key) => {
      const value = agent.options[key];
      return typeof value === "string" ? [{ key, value }] : [];
    });
    const entries = agent.templates.map((value) => ({ key: "templates", value }));
    return [...options, ...entries].flatMap(({ key, value }) => {
      const inside = templateAddress(value, "/");
      if (inside.family !== "agent") return [];
      const { path: from } = templateAddress(value, dirname(config));
      return [{ path: `agents.${agent.name}.${key}`, from, to: inside.path }];
    });
  }
}

/** The agents of a `sluice.yml`, and the document they stand in. Throws `PermanentError` with all faults. */
export async function readAgents(
  config: string,
): Promise<{ readonly document: unknown; readonly agents: readonly Agent[] }> {
  const document: unknown = parse(readFileSync(config, "utf8"));
  const agents = await openAgents({
    now: () => new Date(),
    env: {},
    cwd: dirname(config),
    log: silentLogger,
    readTemplate: async () => null,
    secret: async () => "",
    once: async (_, make) => make(),
    closing: new AbortController().signal,
  }).parse(document);
  return { document, agents };
}

interface NamedFile {
  /** Where it is named. */
  readonly path: string;
  readonly from: string;
  /** Where it is found by the functions. */
  readonly to: string;
}
