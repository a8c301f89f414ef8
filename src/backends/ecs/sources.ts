import type { Agent } from "../../agent.ts";
import type { World } from "../../backend.ts";
import { show } from "../../check.ts";
import { hasNoCredentials, withoutCredentials } from "../../credentials/aws.ts";
import { invalid, messageOf, PermanentError } from "../../errors.ts";
import { asJson, isJsonObject, type JsonObject, type JsonValue } from "../../json.ts";
import { remember } from "../../remember.ts";
import type { TemplateSource } from "../../template.ts";
import { MINUTE } from "../../time.ts";
import type { EcsApi } from "./api.ts";
import { checkArguments } from "./arguments.ts";
import { clientSettings, perRegion } from "./clients.ts";
import { refusedOr } from "./errors.ts";
import { MAX_SUBNETS } from "./limits.ts";
import type { EcsAgentOptions } from "./options.ts";
import type { Template } from "./schema.ts";

/** What planning reads beside the request. Answers are remembered, so most plans read nothing. */
export interface Sources {
  /** The agent's RunTask arguments, checked. */
  readonly kwargs: () => Promise<JsonObject>;
  /** The agent's template; the built-in one if it has none. */
  readonly agentTemplate: () => Promise<JsonObject>;
  /** The template at an address that came in a message. */
  readonly runTemplate: (uri: string) => Promise<JsonObject>;
  /** A task definition by ARN or name, as AWS describes it, and so has checked it. */
  readonly described: (region: string, definition: string) => Promise<Template>;
  /** The same if it was read before; asks nobody. */
  readonly known: (region: string, definition: string) => Promise<Template | undefined>;
  /** The network configuration for tasks in the default VPC of a region. */
  readonly defaultNetwork: (region: string) => Promise<JsonObject>;
}

/** How long an answer counts about what may change: files, networks, definitions without revision. */
const LIFETIME_MS = 5 * MINUTE;

const BUILT_IN: JsonObject = {
  networkMode: "awsvpc",
  cpu: "1024",
  memory: "2048",
  containerDefinitions: [{ name: "flow" }],
};

/** The sources of one agent. */
export function openSources(agent: Agent, world: World, api: EcsApi): Sources {
  const options = agent.options as EcsAgentOptions;
  const subnets = defaultSubnets(world.env);
  const now = () => world.now();
  const five = { now, lifetimeMs: () => LIFETIME_MS };
  const read = async (uri: string, source: TemplateSource) =>
    toMapping(uri, await world.readTemplate(uri, agent, source));
  const file = remember((uri) => read(uri, "agent"), five);
  const network = remember((region) => readNetwork(region, agent, subnets), five);
  const describe = remember((key) => readDefinition(key, agent, api), {
    now,
    lifetimeMs: (key) => (PINNED.test(key) ? Number.POSITIVE_INFINITY : LIFETIME_MS),
  });
  return {
    kwargs: async () => {
      const path = options.run_task_kwargs_path;
      const kwargs =
        path === undefined ? asJson(options.run_task_kwargs ?? {}) : await file.get(path);
      const { value, issues } = checkArguments(kwargs, "agent.run_task_kwargs");
      if (issues.length > 0) throw invalid(`the agent ${agent.name}`, issues);
      return value;
    },
    agentTemplate: async () =>
      options.task_definition_path ? file.get(options.task_definition_path) : BUILT_IN,
    runTemplate: (uri) => read(uri, "message"),
    described: (region, definition) => describe.get(`${region} ${definition}`),
    known: async (region, definition) => describe.peek(`${region} ${definition}`),
    defaultNetwork: network.get,
  };
}

/** A definition with its revision never changes. */
const PINNED = /:\d+$/;

function toMapping(uri: string, value: JsonValue): JsonObject {
  if (isJsonObject(value)) return value;
  throw new PermanentError("template", `${uri}: expected an object, got ${show(value)}`);
}

/** The subnets of a region's first default VPC; undefined if there is none. */
type DefaultSubnets = (region: string) => Promise<readonly string[] | undefined>;

/** Looks the subnets up in EC2, by two calls. */
function defaultSubnets(env: World["env"]): DefaultSubnets {
  const open = perRegion(async (region) => {
    const sdk = await import("@aws-sdk/client-ec2");
    return { sdk, client: new sdk.EC2Client(clientSettings(env, "EC2", region)) };
  });
  return async (region) => {
    const { sdk, client } = await open(region);
    const isDefault = [{ Name: "isDefault", Values: ["true"] }];
    const { Vpcs = [] } = await client.send(new sdk.DescribeVpcsCommand({ Filters: isDefault }));
    const id = Vpcs[0]?.VpcId;
    if (id === undefined) return undefined;
    const inVpc = [{ Name: "vpc-id", Values: [id] }];
    const { Subnets = [] } = await client.send(new sdk.DescribeSubnetsCommand({ Filters: inVpc }));
    return Subnets.flatMap(({ SubnetId }) => (SubnetId === undefined ? [] : [SubnetId]));
  };
}

async function readNetwork(
  region: string,
  agent: Agent,
  subnetsOf: DefaultSubnets,
): Promise<JsonObject> {
  const why = `the agent ${agent.name} has no networkConfiguration in its run_task_kwargs, so the default VPC of ${region} is looked up in EC2`;
  const subnets = await readOr(why, "set a networkConfiguration", () =>
    refusedOr("to describe the default VPC", () => subnetsOf(region)),
  );
  if (subnets === undefined) {
    throw new PermanentError(
      "rejected",
      `there is no default VPC in ${region}: give the agent ${agent.name} a networkConfiguration in its run_task_kwargs`,
    );
  }
  const taken = subnets.slice(0, MAX_SUBNETS);
  return { awsvpcConfiguration: { subnets: taken, assignPublicIp: "ENABLED" } };
}

async function readDefinition(key: string, agent: Agent, api: EcsApi): Promise<Template> {
  const space = key.indexOf(" ");
  const [region, name] = [key.slice(0, space), key.slice(space + 1)];
  const shown = JSON.stringify(name);
  const why = `the run names the task definition ${shown}, which is looked up in ECS in ${region} for the agent ${agent.name}`;
  return readOr(why, "name none", () =>
    refusedOr(`to describe the task definition ${shown}`, () =>
      api.describeTaskDefinition(region, name),
    ),
  );
}

/**
 * Says of a failure why anything was read. Throws `PermanentError` ("rejected") with what helps where this
 * process has no credentials that AWS takes.
 */
async function readOr<T>(why: string, instead: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof PermanentError) throw error;
    const failed = `${why}, and that failed`;
    if (hasNoCredentials(error)) throw withoutCredentials(failed, error, instead);
    throw new Error(`${failed}: ${messageOf(error)}`, { cause: error });
  }
}
