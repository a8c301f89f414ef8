import type { EnvValue } from "../../agent.ts";

/** Variables as they are handed to a process: no secret is left unread, none is removed. */
export type Environment = Readonly<Record<string, string | number | boolean>>;

/** Starts of names that runs do not inherit: they lead to the agent's own rights, or to Sluice itself. */
const FENCED = ["SLUICE_", "AWS_", "GOOGLE_", "KUBECONFIG", "DOCKER_"];

/** What a shell can hand on; others get lost on the way, so they are neither inherited nor accepted. */
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Whether a process can be given a variable of this name. */
export function isVariableName(name: string): boolean {
  return NAME.test(name);
}

/**
 * The part of the agent's environment that runs inherit. `inherit` lifts the fence for names, for all
 * that start as in `AWS_*`, or with `*` for all.
 */
export function inheritedFrom(
  environment: Readonly<Record<string, string>>,
  inherit: readonly string[],
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).filter(
      ([name]) =>
        isVariableName(name) &&
        (!FENCED.some((start) => name.startsWith(start)) ||
          inherit.some((pattern) => fits(pattern, name))),
    ),
  );
}

/** Where Python looks for modules: the run's directory, what the agent says, the import paths. */
export function pythonPath(
  directory: string,
  inherited: string | undefined,
  importPaths: readonly string[],
): string {
  const own = inherited === undefined || inherited === "" ? [] : [inherited];
  return [directory, ...own, ...importPaths].join(":");
}

/**
 * The variables of a process inside a virtual environment, as its `activate` sets them. What the run
 * itself has set stays.
 */
export function activate(
  environment: Environment,
  virtualenv: string,
  ofRun: Readonly<Record<string, EnvValue>>,
): Environment {
  const path = environment["PATH"];
  const bin = `${virtualenv}/bin`;
  const { PYTHONHOME: home, ...rest } = environment;
  return {
    ...rest,
    ...("PYTHONHOME" in ofRun && home !== undefined ? { PYTHONHOME: home } : {}),
    ...("VIRTUAL_ENV" in ofRun ? {} : { VIRTUAL_ENV: virtualenv }),
    ...("PATH" in ofRun
      ? {}
      : { PATH: path === undefined || path === "" ? bin : `${bin}:${path}` }),
  };
}

function fits(pattern: string, name: string): boolean {
  return pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : pattern === name;
}
