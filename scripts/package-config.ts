import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { type Agent, isSecretReference } from "../src/agent.ts";
import { type Issue, invalid } from "../src/errors.ts";
import { isJsonObject } from "../src/json.ts";
import { type TemplateFamily, templateAddress } from "../src/templates/address.ts";
import { ownTemplates, readAgents } from "./agents.ts";

/** What is known of the deployment that a package is for. */
export interface PackageOptions {
  /** Whether its functions have credentials for Google Cloud. Default: true. */
  readonly google?: boolean;
}

/**
 * Checks a `sluice.yml` and packages it for the functions: `sluice.json`, and below `files/` every file of
 * this machine that its agents name, as a path or as an `agent://` entry of their templates. Returns the
 * agents that functions launch for. Throws `PermanentError` ("invalid") with every fault: a file that is
 * not there or stands for the whole disk, and whatever functions could never do for an agent.
 */
export async function packageConfig(
  config: string,
  folder: string,
  { google = true }: PackageOptions = {},
): Promise<readonly Agent[]> {
  const { document, agents } = await readAgents(config);
  const named = agents.flatMap((agent) => filesOf(agent, dirname(resolve(config))));
  const unfit: readonly Issue[] = named.flatMap((file) => unfitFile(file) ?? []);
  const checks = [
    unknownCluster,
    shortRoles,
    noKubeconfig,
    patterns,
    ...(google ? [] : [noGoogleCredentials]),
  ];
  const issues = [...unfit, ...checks.flatMap((check) => agents.flatMap(check))];
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
  return templatesOf(agent, "agent").map(({ path, address }) => {
    const { path: from } = templateAddress(address, folder);
    return { path, from, to: templateAddress(address, "/").path };
  });
}

/** What cannot be packaged: a file that is not there, and all files there are. */
function unfitFile({ path, from }: NamedFile): Issue | undefined {
  if (from === "/")
    return { path, message: "expected a folder below /, for its files are packaged" };
  if (existsSync(from)) return undefined;
  return { path, message: `expected a file, and there is no ${from}` };
}

/** What an agent names of a family: its own templates, and entries of `templates`. */
function templatesOf(agent: Agent, family: TemplateFamily): readonly NamedTemplate[] {
  const entries = agent.templates.map((address) => ({ key: "templates", address }));
  return [...ownTemplates(agent), ...entries]
    .filter(({ address }) => templateAddress(address, "/").family === family)
    .map(({ key, address }) => ({ path: `agents.${agent.name}.${key}`, address }));
}

/** Rights are made from the cluster before anybody reads the file that may name another one. */
function unknownCluster({ name, backend, options }: Agent): readonly Issue[] {
  if (backend !== "ecs" || !options["run_task_kwargs_path"] || options["cluster"]) return [];
  const message = "expected a cluster beside run_task_kwargs_path: the rights are made from it";
  return [{ path: `agents.${name}.cluster`, message }];
}

/** RunTask takes the name of a role as well, but what may be passed on stands in a policy, by ARN. */
function shortRoles({ name, backend, options }: Agent): readonly Issue[] {
  if (backend !== "ecs") return [];
  return ["task_role_arn", "execution_role_arn"].flatMap((key) => {
    const role = String(options[key] ?? "");
    if (role === "" || role.startsWith("arn:")) return [];
    const message = `expected the ARN of a role, such as arn:aws:iam::123456789012:role/flow, got ${role}: the right to pass it on is made from it`;
    return [{ path: `agents.${name}.${key}`, message }];
  });
}

/** A function has no kubeconfig of its own, and a file with credentials is not packaged. */
function noKubeconfig({ name, backend, options }: Agent): readonly Issue[] {
  if (backend !== "kubernetes" || isSecretReference(options["kubeconfig"])) return [];
  const message =
    "expected a secret with the text of a kubeconfig, such as { secret: ssm:/sluice/kubeconfig }: functions have no such file";
  return [{ path: `agents.${name}.kubeconfig`, message }];
}

/** Rights are made from addresses of S3, and in a policy these are no plain characters. */
function patterns(agent: Agent): readonly Issue[] {
  return templatesOf(agent, "s3")
    .filter(({ address }) => /\*|\$\{/.test(address))
    .map(({ path, address }) => ({
      path,
      message: `expected an address without * and \${, got ${address}: an entry covers all that lies below it`,
    }));
}

/** Functions have no credentials of Google's but those that a deployment brings along. */
function noGoogleCredentials(agent: Agent): readonly Issue[] {
  const templates = templatesOf(agent, "gcs").map(({ path }) => path);
  return [...(launchesAtGoogle(agent) ? [`agents.${agent.name}`] : []), ...templates].map(
    (path) => ({
      path,
      message:
        'functions have no Google Cloud credentials: deploy with --param="googleCredentials=FILE", see docs/backends/vertex.md',
    }),
  );
}

/** To an address that begins with http:// no credentials are sent. */
function launchesAtGoogle({ backend, options }: Agent): boolean {
  return backend === "vertex" && !String(options["api_endpoint"] ?? "").startsWith("http://");
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

interface NamedTemplate {
  /** Where it is named. */
  readonly path: string;
  readonly address: string;
}

interface NamedFile {
  /** Where it is named. */
  readonly path: string;
  readonly from: string;
  /** Where it is found by the functions. */
  readonly to: string;
}
