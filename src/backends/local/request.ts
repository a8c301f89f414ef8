import { isAbsolute, resolve } from "node:path";
import { type EnvValue, isSecretReference } from "../../agent.ts";
import type { LaunchRequest } from "../../backend.ts";
import { type Issue, invalid, PermanentError } from "../../errors.ts";
import { isJsonObject } from "../../json.ts";
import { processOf, secretNames, type Variable } from "../../process.ts";
import {
  activate,
  type Environment,
  inheritedFrom,
  isVariableName,
  pythonPath,
} from "./environment.ts";
import type { LocalOptions } from "./options.ts";

/** A process as it would be started: also the shape in which `sluice plan` prints it. */
export interface ProcessRequest {
  readonly command: readonly string[];
  /** Null: the agent's own directory. */
  readonly cwd: string | null;
  readonly env: Environment;
}

/** What a request is translated with. */
export interface Surroundings {
  readonly options: LocalOptions;
  /** Environment and directory of the agent. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Name of this machine, if runs are told it among the labels of their agent. */
  readonly hostLabel?: string;
  /** The text of a secret. */
  readonly secret: (reference: string) => Promise<string>;
}

/**
 * The process of a run, and the names of its variables whose values nobody may see. Throws
 * `PermanentError` for whatever no process can be made of.
 */
export async function processRequest(
  request: LaunchRequest,
  surroundings: Surroundings,
): Promise<{ readonly planned: ProcessRequest; readonly secrets: readonly string[] }> {
  refuseStorage(request);
  refuseNames(request);
  const { options } = surroundings;
  const cwd = workingDirectory(request, surroundings);
  const inherited = inheritedFrom(surroundings.env, options.inherit);
  const ours = pythonVariables(request, surroundings, { cwd, inherited });
  const { command, variables } = processOf(withHostLabel(request, surroundings.hostLabel), {
    inherited: { ...inherited, ...ours },
  });
  if (command === undefined) {
    throw invalid(`run ${request.run.id}`, [
      { path: "flow.command", message: "expected a command, for a process has no image, got none" },
    ]);
  }
  const env = await knownValues(variables, surroundings);
  const planned = prepared({ command, cwd, env }, request, surroundings);
  refuseZeros(request.run.id, planned);
  const open = (name: string) => ours[name] !== undefined && ours[name] === planned.env[name];
  const secrets = secretNames(variables).filter((name) => name in planned.env && !open(name));
  return { planned, secrets };
}

/** Reads secrets, and leaves out what is null: that is how an inherited variable is removed. */
async function knownValues(
  variables: readonly Variable[],
  { secret }: Surroundings,
): Promise<Environment> {
  const known: [string, string | number | boolean][] = [];
  for (const { name, value } of variables) {
    const text = isSecretReference(value) ? await secret(value.secret) : value;
    if (text !== null) known.push([name, text]);
  }
  return Object.fromEntries(known);
}

/** Variables Python finds its modules by, for Prefect 1 and for agents with import paths. */
function pythonVariables(
  { engine }: LaunchRequest,
  { options, cwd: own }: Surroundings,
  { cwd, inherited }: { cwd: string | null; inherited: Readonly<Record<string, string>> },
): Readonly<Record<string, string>> {
  if (engine.name !== "prefect1" && options.import_paths.length === 0) return {};
  return { PYTHONPATH: pythonPath(cwd ?? own, inherited["PYTHONPATH"], options.import_paths) };
}

function withHostLabel(request: LaunchRequest, host: string | undefined): LaunchRequest {
  const { agent } = request;
  if (host === undefined || agent.labels.includes(host)) return request;
  return { ...request, agent: { ...agent, labels: [...agent.labels, host] } };
}

/** The run's directory, the agent's for all runs, or null for the one the agent was started in. */
function workingDirectory(
  { config }: LaunchRequest,
  { options, cwd }: Surroundings,
): string | null {
  const named = config.options["working_dir"];
  const wanted = typeof named === "string" && named !== "" ? named : options.working_dir;
  return wanted === undefined ? null : absolute(wanted, cwd);
}

/** A path as it is if it is absolute, so that its text stays; else below the agent's directory. */
function absolute(path: string, cwd: string): string {
  return isAbsolute(path) ? path : resolve(cwd, path);
}

/** Puts a process into the environment of Python a flow runner names. */
function prepared(
  planned: ProcessRequest,
  { config, engine }: LaunchRequest,
  { env, cwd }: Surroundings,
): ProcessRequest {
  const home = env["HOME"] ?? "~";
  const place = (path: string) => resolve(cwd, path.replace(/^~(?=\/|$)/, home));
  const { condaenv, virtualenv } = config.options;
  if (typeof condaenv === "string" && condaenv !== "") {
    const isPath = condaenv.startsWith("/") || condaenv.startsWith("~");
    const wanted = isPath ? ["--prefix", place(condaenv)] : ["--name", condaenv];
    return { ...planned, command: ["conda", "run", ...wanted, ...planned.command] };
  }
  if (typeof virtualenv !== "string" || virtualenv === "") return planned;
  const folder = place(virtualenv);
  const [first, ...rest] = planned.command;
  const isPython = engine.name === "orion" && first === "python";
  return {
    ...planned,
    command: isPython ? [`${folder}/bin/python`, ...rest] : planned.command,
    env: activate(planned.env, folder, config.env),
  };
}

/** A flow that lives in an image cannot run without it; storage that says nothing cannot be read. */
function refuseStorage({ run, flow, engine }: LaunchRequest): void {
  if (isJsonObject(flow.storage) && flow.storage["type"] === "Docker") {
    throw new PermanentError(
      "unsupported",
      `run ${run.id} of flow ${flow.name} has Docker storage, which a local process cannot use: give it another backend or another storage`,
    );
  }
  if (engine.name === "prefect1" && flow.storage === null) {
    const message = "expected an object that says where Prefect finds the flow, got null";
    throw invalid(`run ${run.id}`, [{ path: "flow.storage", message }]);
  }
}

function refuseNames({ run, config, agent }: LaunchRequest): void {
  const issues = [
    ...nameIssues(agent.env, `agents.${agent.name}.env`),
    ...nameIssues(config.env, `run_config.${config.dialect === "orion" ? "config." : ""}env`),
  ];
  if (issues.length > 0) throw invalid(`run ${run.id}`, issues);
}

function nameIssues(variables: Readonly<Record<string, EnvValue>>, path: string): Issue[] {
  return Object.keys(variables)
    .filter((name) => !isVariableName(name))
    .map((name) => ({
      path: `${path}.${name}`,
      message: "expected a name of letters, digits and _, not starting with a digit",
    }));
}

/** Texts of processes end at a zero byte, so none may contain one. */
function refuseZeros(runId: string, { command, cwd, env }: ProcessRequest): void {
  const issues = [
    ...(cwd?.includes("\0") ? ["cwd"] : []),
    ...command.flatMap((word, index) => (word.includes("\0") ? [`command.${index}`] : [])),
    ...Object.entries(env).flatMap(([name, value]) =>
      String(value).includes("\0") ? [`env.${name}`] : [],
    ),
  ].map((path) => ({ path, message: "expected text without zero bytes, got one with some" }));
  if (command[0] === undefined || command[0] === "") {
    issues.push({ path: "flow.command", message: "expected a command, got an empty one" });
  }
  if (issues.length > 0) throw invalid(`run ${runId}`, issues);
}
