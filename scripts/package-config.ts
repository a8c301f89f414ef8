import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parse } from "yaml";
import type { Agent } from "../src/agent.ts";
import { openAgents } from "../src/backends/open.ts";
import { type Issue, invalid } from "../src/errors.ts";
import { isJsonObject } from "../src/json.ts";
import { silentLogger } from "../src/log.ts";
import { placeBesideFunctions } from "../src/place.ts";
import { CLOUD } from "../src/run.ts";
import { templateAddress } from "../src/templates/address.ts";

/** The options of agents that hold the address of a template. */
const ADDRESSES = ["task_definition_path", "run_task_kwargs_path", "job_template_path"];

/**
 * Checks a `sluice.yml` and packages it for the functions: `sluice.json`, and below `files/` every file of
 * this machine that its agents name, as a path or as an `agent://` entry of their templates. Throws
 * `PermanentError` ("invalid") with every fault, a file that is not there among them.
 */
export async function packageConfig(config: string, folder: string): Promise<void> {
  const { document, agents } = await readAgents(config);
  const ours = agents.filter((agent) => placeBesideFunctions(agent) === CLOUD);
  const named = ours.flatMap(filesOf);
  const missing: readonly Issue[] = named
    .filter(({ from }) => !existsSync(from))
    .map(({ path, from }) => ({ path, message: `expected a file, and there is no ${from}` }));
  const issues = [...missing, ...ours.flatMap(unknownCluster)];
  if (issues.length > 0) throw invalid(config, issues);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, "files"), { recursive: true });
  for (const { from, to } of named) {
    mkdirSync(join(folder, "files", dirname(to)), { recursive: true });
    cpSync(from, join(folder, "files", to), { recursive: true, dereference: true });
  }
  writeFileSync(
    join(folder, "sluice.json"),
    `${JSON.stringify(deployed(document), undefined, 2)}\n`,
  );

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
      const { path: from } = templateAddress(value, dirname(resolve(config)));
      return [{ path: `agents.${agent.name}.${key}`, from, to: inside.path }];
    });
  }
}

/** Rights are made from the cluster before anybody reads the file that may name another one. */
function unknownCluster({ name, backend, options }: Agent): readonly Issue[] {
  if (backend !== "ecs" || !options["run_task_kwargs_path"] || options["cluster"]) return [];
  const message = "expected a cluster beside run_task_kwargs_path: the rights are made from it";
  return [{ path: `agents.${name}.cluster`, message }];
}

/**
 * The document as functions read it. They have no rights for definitions that an agent does not list, so
 * an agent without a list allows none.
 */
function deployed(document: unknown): unknown {
  if (!isJsonObject(document) || !isJsonObject(document["agents"])) return document;
  const agents = Object.entries(document["agents"]).map(([name, agent]) => {
    const fenced = isJsonObject(agent) && agent["backend"] === "ecs";
    return [name, fenced ? { task_definition_arns: [], ...agent } : agent] as const;
  });
  return { ...document, agents: Object.fromEntries(agents) };
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
