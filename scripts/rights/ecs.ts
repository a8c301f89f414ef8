import type { Agent } from "../../src/agent.ts";
import { isJsonObject, type JsonValue } from "../../src/json.ts";
import { allow, type Statement, sub, unique } from "./statement.ts";

/** The account and region an ECS agent works in, and its cluster: texts for `Fn::Sub`. */
interface Site {
  readonly partition: string;
  readonly region: string;
  readonly account: string;
  /** ARN of the cluster. */
  readonly cluster: string;
}

/** What a function needs to tell where the output of a task goes. AWS knows no resources for it. */
export function describeRightsOnEcs(agents: readonly Agent[]): readonly Statement[] {
  if (ecsAgents(agents).length === 0) return [];
  return [allow("Describe", ["ecs:DescribeTaskDefinition"], "*")];
}

/** What a function needs to plan runs on ECS. AWS knows no resources for these. */
export function planRightsOnEcs(agents: readonly Agent[]): readonly Statement[] {
  if (ecsAgents(agents).length === 0) return [];
  return [
    ...describeRightsOnEcs(agents),
    allow("Network", ["ec2:DescribeVpcs", "ec2:DescribeSubnets"], "*"),
  ];
}

/** What a function needs to launch runs on ECS. */
export function runRightsOnEcs(agents: readonly Agent[]): readonly Statement[] {
  const ecs = ecsAgents(agents);
  if (ecs.length === 0) return [];
  const ours = unique(ecs.map((agent) => definitionArn(siteOf(agent), "sluice-*:*"))).map(sub);
  const given = unique(ecs.flatMap(givenDefinitions)).map(sub);
  return [
    {
      ...allow("Run", ["ecs:RunTask"], [...ours, ...given]),
      Condition: inClusters(ecs.map(siteOf)),
    },
    // Registering takes no resource in every partition; what it may make of roles is limited below.
    allow("Register", ["ecs:RegisterTaskDefinition"], "*"),
    {
      ...allow("Tag", ["ecs:TagResource"], [...ours, ...tasksOf(ecs.map(siteOf))]),
      Condition: {
        StringEquals: { "ecs:CreateAction": ["RunTask", "RegisterTaskDefinition"] },
      },
    },
    passRole(ecs),
  ];
}

/** What a function needs to follow tasks and stop them. */
export function stopRightsOnEcs(agents: readonly Agent[]): readonly Statement[] {
  const sites = ecsAgents(agents).flatMap(sitesOf);
  if (sites.length === 0) return [];
  const Condition = inClusters(sites);
  return [
    { ...allow("Tasks", ["ecs:DescribeTasks", "ecs:StopTask"], tasksOf(sites)), Condition },
    // By mark it is listed without naming a resource; the cluster is a condition.
    { ...allow("List", ["ecs:ListTasks"], "*"), Condition },
  ];
}

/** What a function needs to read the output of tasks: the log groups that agents name. */
export function logRightsOnEcs(agents: readonly Agent[]): readonly Statement[] {
  const streams = ecsAgents(agents).flatMap((agent) => {
    const { partition, region, account } = siteOf(agent);
    return [...texts(agent, "log_group"), ...texts(agent, "log_groups")].map(
      (group) => `arn:${partition}:logs:${region}:${account}:log-group:${group}:log-stream:*`,
    );
  });
  return streams.length === 0
    ? []
    : [allow("Logs", ["logs:GetLogEvents"], unique(streams).map(sub))];
}

/** Clusters of the agents, those they have left among them, as ARNs. */
export function clustersOf(agents: readonly Agent[]): readonly JsonValue[] {
  return clustersAt(ecsAgents(agents).flatMap(sitesOf));
}

/** The agents that launch in another region than that of a stack, whose rule hears nothing from there. */
export function agentsOutside(agents: readonly Agent[], region: string): readonly Agent[] {
  const inside = [region, `\${AWS::Region}`];
  return ecsAgents(agents).filter((agent) => !inside.includes(siteOf(agent).region));
}

function clustersAt(sites: readonly Site[]): readonly JsonValue[] {
  return unique(sites.map(({ cluster }) => cluster)).map(sub);
}

function inClusters(sites: readonly Site[]) {
  return { ArnEquals: { "ecs:cluster": clustersAt(sites) } };
}

function passRole(ecs: readonly Agent[]): Statement {
  const roles = unique(
    ecs.flatMap((agent) => [
      ...texts(agent, "task_role_arn"),
      ...texts(agent, "execution_role_arn"),
    ]),
  );
  const named = `arn:\${AWS::Partition}:iam::\${AWS::AccountId}:role/sluice-task-*`;
  return {
    ...allow("PassRole", ["iam:PassRole"], roles.length > 0 ? roles : [sub(named)]),
    Condition: { StringEquals: { "iam:PassedToService": "ecs-tasks.amazonaws.com" } },
  };
}

/** Definitions that runs may name themselves: any revision of a family, unless one is named. */
function givenDefinitions(agent: Agent): string[] {
  return texts(agent, "task_definition_arns").map((entry) => {
    const [, family = "", revision = "*"] = /([^/:]+)(?::(\d+|\*))?$/.exec(entry) ?? [];
    const name = `${family}:${revision}`;
    return entry.startsWith("arn:")
      ? `${entry.slice(0, entry.lastIndexOf("/"))}/${name}`
      : definitionArn(siteOf(agent), name);
  });
}

function definitionArn({ partition, region, account }: Site, name: string): string {
  return `arn:${partition}:ecs:${region}:${account}:task-definition/${name}`;
}

/** Every task of the clusters: an ARN of a task names its cluster. */
function tasksOf(sites: readonly Site[]): readonly JsonValue[] {
  return unique(sites.map(({ cluster }) => `${cluster.replace(":cluster/", ":task/")}/*`)).map(sub);
}

/** Where an agent's tasks run, and where some may still run that it has launched before. */
function sitesOf(agent: Agent): readonly Site[] {
  return [
    siteOf(agent),
    ...texts(agent, "former_clusters").map((cluster) => siteIn(cluster, agent)),
  ];
}

/** Where an agent's tasks run, found as the backend finds it. */
function siteOf(agent: Agent): Site {
  const kwargs = agent.options["run_task_kwargs"];
  const ofKwargs = isJsonObject(kwargs) ? kwargs["cluster"] : undefined;
  const [named = ofKwargs || "default"] = texts(agent, "cluster");
  return siteIn(String(named), agent);
}

function siteIn(cluster: string, agent: Agent): Site {
  const [own = `\${AWS::Region}`] = texts(agent, "region_name");
  if (cluster.startsWith("arn:")) {
    const [, partition = "", , region = "", account = ""] = cluster.split(":");
    return { partition, region, account, cluster };
  }
  const site = { partition: `\${AWS::Partition}`, region: own, account: `\${AWS::AccountId}` };
  const { partition, region, account } = site;
  return { ...site, cluster: `arn:${partition}:ecs:${region}:${account}:cluster/${cluster}` };
}

function ecsAgents(agents: readonly Agent[]): readonly Agent[] {
  return agents.filter((agent) => agent.backend === "ecs");
}

/** The texts of an option that is a text or a list of them. */
function texts({ options }: Agent, key: string): string[] {
  const value = options[key];
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.filter((item): item is string => typeof item === "string" && item !== "");
}
