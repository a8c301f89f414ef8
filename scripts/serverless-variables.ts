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
  /** Policies of the functions' roles, as resources. */
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

/** Checks what AWS would refuse late, or what would lose runs. Throws `PermanentError` ("invalid"). */
export function checkParameters({ dispatchConcurrency, keepDays }: Parameters): void {
  const issues: Issue[] = [];
  const concurrency = Number(dispatchConcurrency);
  if (!Number.isInteger(concurrency) || concurrency < 2 || concurrency > 1_000) {
    const message = `expected a whole number from 2 to 1000, got ${dispatchConcurrency}`;
    issues.push({ path: "dispatchConcurrency", message });
  }
  if (!(Number(keepDays) > 14)) {
    const message = `expected more than the 14 days a queue may keep a message, got ${keepDays}`;
    issues.push({ path: "keepDays", message });
  }
  if (issues.length > 0) throw invalid("the parameters of the deployment", issues);
}

/** Parameters of a deployment, as they are given. */
export interface Parameters {
  readonly dispatchConcurrency: number | string;
  readonly keepDays: number | string;
}

/** The variables for agents that functions launch for. Pure. */
export function variablesFor(agents: readonly Agent[]): Variables {
  const clusters = clustersOf(agents);
  return {
    resources: {
      Resources: {
        ...policy("Dispatch", dispatchRights(agents)),
        ...policy("Poll", pollRights(agents)),
        ...policy("Api", apiRights(agents)),
      },
    },
    // A pattern of EventBridge may not be empty; no cluster has this name.
    clusters: clusters.length > 0 ? clusters : ["none"],
  };
}

/** A policy beside those that stand in `serverless.yml`; none if nothing is asked for. */
function policy(name: string, statements: readonly Statement[]): JsonObject {
  if (statements.length === 0) return {};
  return {
    [`${name}AgentsPolicy`]: {
      Type: "AWS::IAM::RolePolicy",
      Properties: {
        RoleName: { Ref: `${name}Role` },
        PolicyName: "agents",
        PolicyDocument: { Version: "2012-10-17", Statement: statements as unknown as JsonValue },
      },
    },
  };
}
