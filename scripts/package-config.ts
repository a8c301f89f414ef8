import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { type Agent, isSecretReference } from "../src/agent.ts";
import { type Issue, invalid } from "../src/errors.ts";
import { isJsonObject } from "../src/json.ts";
import { templateAddress } from "../src/templates/address.ts";
import { ownTemplates, readAgents } from "./agents.ts";

/**
 * Checks a `sluice.yml` and packages it for the functions: `sluice.json`, and below `files/` every file of
 * this machine that its agents name, as a path or as an `agent://` entry of their templates. Returns the
 * agents that functions launch for. Throws `PermanentError` ("invalid") with every fault, a file that is
 * not there among them.
 */
export async function packageConfig(config: string, folder: string): Promise<readonly Agent[]> {
  const { document, agents } = await readAgents(config);
  const named = agents.flatMap((agent) => filesOf(agent, dirname(resolve(config))));
  const missing: readonly Issue[] = named
    .filter(({ from }) => !existsSync(from))
    .map(({ path, from }) => ({ path, message: `expected a file, and there is no ${from}` }));
  const issues = [...missing, ...agents.flatMap(unknownCluster), ...agents.flatMap(noKubeconfig)];
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
  return agents;
}

/** Relative paths start at `folder`, where the agents stand; in the package, at its root. */
function filesOf(agent: Agent, folder: string): readonly NamedFile[] {
  const entries = agent.templates.map((address) => ({ key: "templates", address }));
  return [...ownTemplates(agent), ...entries].flatMap(({ key, address }) => {
    const inside = templateAddress(address, "/");
    if (inside.family !== "agent") return [];
    const { path: from } = templateAddress(address, folder);
    return [{ path: `agents.${agent.name}.${key}`, from, to: inside.path }];
  });
}

/** Rights are made from the cluster before anybody reads the file that may name another one. */
function unknownCluster({ name, backend, options }: Agent): readonly Issue[] {
  if (backend !== "ecs" || !options["run_task_kwargs_path"] || options["cluster"]) return [];
  const message = "expected a cluster beside run_task_kwargs_path: the rights are made from it";
  return [{ path: `agents.${name}.cluster`, message }];
}

/** A function has no kubeconfig of its own, and a file with credentials is not packaged. */
function noKubeconfig({ name, backend, options }: Agent): readonly Issue[] {
  if (backend !== "kubernetes" || isSecretReference(options["kubeconfig"])) return [];
  const message =
    "expected a secret with the text of a kubeconfig, such as { secret: ssm:/sluice/kubeconfig }: functions have no such file";
  return [{ path: `agents.${name}.kubeconfig`, message }];
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

interface NamedFile {
  /** Where it is named. */
  readonly path: string;
  readonly from: string;
  /** Where it is found by the functions. */
  readonly to: string;
}
