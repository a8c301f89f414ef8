import { join, resolve } from "node:path";
import type { Agent } from "../src/agent.ts";
import { type Issue, invalid } from "../src/errors.ts";
import type { JsonObject, JsonValue } from "../src/json.ts";
import { buildFunctions } from "./build.ts";
import { packageGoogleCredentials } from "./google-credentials.ts";
import { agentsOutside, clustersOf } from "./rights/ecs.ts";
import { apiRights, dispatchRights, pollRights } from "./rights/index.ts";
import type { Statement } from "./rights/statement.ts";

/** What `serverless.yml` takes from the agents. */
export interface Variables {
  /** Policies of the functions' roles, and what makes the functions wait for them. */
  readonly resources: JsonObject;
  /** Clusters whose events are wanted. */
  readonly clusters: readonly JsonValue[];
}

/** The same, with what was packaged. */
export interface Packaged extends Variables {
  /** Where functions find Google's credentials, from the root of the package; empty if there are none. */
  readonly googleCredentials: string;
}

/** Where agents are packaged, from the root of the package. */
const CONFIG = join("dist", "config");

/** What `serverless.yml` is given of its surroundings. */
export interface Given {
  /** Path of a `sluice.yml`. */
  readonly config: string;
  /** Path of the file with which the functions get credentials of Google; empty if there is none. */
  readonly googleCredentials: string;
  /** Where the functions will run. */
  readonly region: string;
}

/**
 * Builds the functions with the agents of `config` and the file with which they get credentials of Google,
 * if one is named, and says which rights these agents ask for. What a person should know is told on
 * standard error.
 */
export async function variables({ config, googleCredentials, region }: Given): Promise<Packaged> {
  const { agents } = await buildFunctions(resolve(config), { google: googleCredentials !== "" });
  const google =
    googleCredentials === "" ? "" : packageGoogleCredentials(googleCredentials, CONFIG);
  if (agents.length === 0) {
    process.stderr.write(
      `No agent of ${config} launches from the cloud: runs will wait for hosts.\n`,
    );
  }
  const warning = unheard(agents, region);
  if (warning !== undefined) process.stderr.write(`${warning}\n`);
  return { ...variablesFor(agents), googleCredentials: google };
}

/** Which agents launch where no events come from to a region, in words; undefined if none does. Pure. */
export function unheard(agents: readonly Agent[], region: string): string | undefined {
  const outside = agentsOutside(agents, region);
  if (outside.length === 0) return undefined;
  const names = outside.map(({ name }) => name).join(", ");
  return `No events arrive for the tasks of ${names}: their clusters are outside ${region}, so what becomes of a task is noticed within four minutes instead of seconds. docs/backends/ecs.md says how to forward them.`;
}

/**
 * Checks what AWS would refuse late, what would lose runs, and what would silently be left out. Throws
 * `PermanentError` ("invalid").
 */
export function checkParameters(
  { dispatchConcurrency, keepDays, apiRate }: Parameters,
  { given, known }: ParameterNames,
): void {
  const issues: Issue[] = given
    .map((text) => text.slice(0, text.indexOf("=")))
    .filter((name) => !known.includes(name))
    .map((path) => ({ path, message: `expected one of the parameters ${known.join(", ")}` }));
  const concurrency = Number(dispatchConcurrency);
  if (!Number.isInteger(concurrency) || concurrency < 2 || concurrency > 1_000) {
    const message = `expected a whole number from 2 to 1000, got ${dispatchConcurrency}`;
    issues.push({ path: "dispatchConcurrency", message });
  }
  if (!(Number(keepDays) > 14)) {
    const message = `expected more than the 14 days a queue may keep a message, got ${keepDays}`;
    issues.push({ path: "keepDays", message });
  }
  if (!Number.isInteger(Number(apiRate)) || Number(apiRate) < 1) {
    issues.push({ path: "apiRate", message: `expected a whole number from 1, got ${apiRate}` });
  }
  if (issues.length > 0) throw invalid("the deployment", issues);
}

/** Parameters of a deployment, as they are given. */
export interface Parameters {
  readonly dispatchConcurrency: number | string;
  readonly keepDays: number | string;
  readonly apiRate: number | string;
}

/** How parameters are called. */
export interface ParameterNames {
  /** The parameters of the command line, each as `NAME=VALUE`. */
  readonly given: readonly string[];
  /** The names of those there are. */
  readonly known: readonly string[];
}

/** The variables for agents that functions launch for. Pure. */
export function variablesFor(agents: readonly Agent[]): Variables {
  const clusters = clustersOf(agents);
  const asked = [
    ["Dispatch", dispatchRights(agents)],
    ["Poll", pollRights(agents)],
    ["Api", apiRights(agents)],
  ] as const;
  const rights = asked.filter(([, statements]) => statements.length > 0);
  return {
    resources: {
      Resources: Object.fromEntries(
        rights.map(([name, statements]) => [`${name}AgentsPolicy`, policy(name, statements)]),
      ),
      // Otherwise new code and its rights come side by side, and the code may ask before it has them.
      extensions: Object.fromEntries(
        rights.map(([name]) => [`${name}LambdaFunction`, { DependsOn: [`${name}AgentsPolicy`] }]),
      ),
    },
    // A pattern of EventBridge may not be empty; no cluster has this name.
    clusters: clusters.length > 0 ? clusters : ["none"],
  };
}

/** A policy beside those that stand in `deploy/roles.yml`. */
function policy(name: string, statements: readonly Statement[]): JsonObject {
  return {
    Type: "AWS::IAM::RolePolicy",
    Properties: {
      RoleName: { Ref: `${name}Role` },
      PolicyName: "agents",
      PolicyDocument: { Version: "2012-10-17", Statement: statements as unknown as JsonValue },
    },
  };
}
