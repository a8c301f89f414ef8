import type { Agent } from "../src/agent.ts";
import { isSecretReference } from "../src/agent.ts";
import type { JsonValue } from "../src/json.ts";
import { templateAddress } from "../src/templates/address.ts";

/** A statement of an IAM policy. */
export interface Statement {
  readonly Sid: string;
  readonly Effect: "Allow";
  readonly Action: readonly string[];
  readonly Resource: JsonValue;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, JsonValue>>>>;
}

/** Whether the functions work for an agent themselves, and no host of its own. */
export function worksInCloud({ backend, remote }: Agent): boolean {
  return !remote && backend !== "local" && backend !== "docker";
}

/** What a function needs to plan and launch the runs of these agents, and nothing more. */
export function launchRights(agents: readonly Agent[]): readonly Statement[] {
  return [...planRights(agents), ...runRights(agents), ...stopRights(agents)];
}

/** What a function needs to plan runs: templates, secrets, definitions and the default network. */
export function planRights(agents: readonly Agent[]): readonly Statement[] {
  const ours = agents.filter(worksInCloud);
  const hasEcs = ecsAgents(agents).length > 0;
  return [
    ...templateRights(ours),
    ...secretRights(ours),
    ...(hasEcs
      ? [
          // AWS knows no resources for these.
          allow("Describe", ["ecs:DescribeTaskDefinition"], "*"),
          allow("Network", ["ec2:DescribeVpcs", "ec2:DescribeSubnets"], "*"),
        ]
      : []),
  ];
}

/** What a function needs to follow jobs and stop them. */
export function stopRights(agents: readonly Agent[]): readonly Statement[] {
  const clusters = clustersOf(agents);
  if (clusters.length === 0) return [];
  const inClusters = { ArnEquals: { "ecs:cluster": clusters } };
  return [
    {
      ...allow("Tasks", ["ecs:DescribeTasks", "ecs:StopTask"], tasksOf(agents)),
      Condition: inClusters,
    },
    // By mark it is listed without naming a resource; the cluster is a condition.
    { ...allow("List", ["ecs:ListTasks"], "*"), Condition: inClusters },
  ];
}

/** What a function needs to read the output of jobs. */
export function logRights(agents: readonly Agent[]): readonly Statement[] {
  const groups = ecsAgents(agents).flatMap((agent) => texts(agent, "log_group"));
  if (groups.length === 0) return [];
  const streams = unique(groups).map((group) => arn("logs", `log-group:${group}:log-stream:*`));
  return [allow("Logs", ["logs:GetLogEvents"], streams)];
}

/** Clusters of the agents, as ARNs. */
export function clustersOf(agents: readonly Agent[]): readonly JsonValue[] {
  return unique(ecsAgents(agents).map(clusterOf)).map((text) => ({ "Fn::Sub": text }));
}

function runRights(agents: readonly Agent[]): readonly Statement[] {
  const ecs = ecsAgents(agents);
  if (ecs.length === 0) return [];
  const inClusters = { ArnEquals: { "ecs:cluster": clustersOf(agents) } };
  const families = arn("ecs", "task-definition/sluice-*:*");
  const roles = unique(
    ecs.flatMap((agent) => [
      ...texts(agent, "task_role_arn"),
      ...texts(agent, "execution_role_arn"),
    ]),
  );
  return [
    { ...allow("Run", ["ecs:RunTask"], [families]), Condition: inClusters },
    // Registering takes no resource in every partition; what it may make of roles is limited below.
    allow("Register", ["ecs:RegisterTaskDefinition"], "*"),
    {
      ...allow("Tag", ["ecs:TagResource"], [families, ...tasksOf(agents)]),
      Condition: {
        StringEquals: { "ecs:CreateAction": ["RunTask", "RegisterTaskDefinition"] },
      },
    },
    {
      ...allow(
        "PassRole",
        ["iam:PassRole"],
        roles.length > 0 ? roles : [globalArn("iam", "role/sluice-task-*")],
      ),
      Condition: { StringEquals: { "iam:PassedToService": "ecs-tasks.amazonaws.com" } },
    },
  ];
}

/** Objects below the entries of `templates`, and the agents' own templates. */
function templateRights(agents: readonly Agent[]): readonly Statement[] {
  const entries = agents.flatMap(({ templates }) => templates.map((entry) => bucketOf(entry, "*")));
  const own = agents.flatMap((agent) =>
    ["task_definition_path", "run_task_kwargs_path", "job_template_path"].flatMap((key) =>
      texts(agent, key).map((address) => bucketOf(address, "")),
    ),
  );
  const objects = unique([...entries, ...own].filter((object) => object !== undefined));
  if (objects.length === 0) return [];
  const resources = objects.map((object) => ({
    "Fn::Sub": `arn:\${AWS::Partition}:s3:::${object}`,
  }));
  return [allow("Templates", ["s3:GetObject"], resources)];
}

/** An entry ends at a slash whether or not it is written; the object of that very name is meant too. */
function bucketOf(address: string, below: "*" | ""): string | undefined {
  const { family, host, path } = templateAddress(address, "/");
  if (family !== "s3") return undefined;
  if (below === "") return `${host}${path}`;
  return `${host}${path.endsWith("/") ? path : `${path}/`}*`;
}

function secretRights(agents: readonly Agent[]): readonly Statement[] {
  const references = agents.flatMap((agent) => secretsIn({ ...agent.prefect, ...agent.options }));
  const outside = agents
    .filter(({ backend }) => backend !== "ecs")
    .flatMap(({ env }) => secretsIn(env));
  const all = unique([...references, ...outside]);
  const parameters = all.flatMap((secret) =>
    secret.startsWith("ssm:") ? [secret.slice("ssm:".length)] : [],
  );
  const secrets = all.flatMap((secret) =>
    secret.startsWith("secretsmanager:") ? [secret.slice("secretsmanager:".length)] : [],
  );
  return [
    ...(parameters.length === 0
      ? []
      : [allow("Parameters", ["ssm:GetParameter"], parameters.map(parameterArn))]),
    ...(secrets.length === 0
      ? []
      : [allow("Secrets", ["secretsmanager:GetSecretValue"], secrets.map(secretArn))]),
  ];
}

function parameterArn(name: string): JsonValue {
  return name.startsWith("arn:") ? name : arn("ssm", `parameter/${name.replace(/^\//, "")}`);
}

/** Secrets Manager adds six characters to the name of a secret. */
function secretArn(id: string): JsonValue {
  if (!id.startsWith("arn:")) return arn("secretsmanager", `secret:${id}-??????`);
  return id.split(":").slice(0, 7).join(":");
}

function secretsIn(values: Readonly<Record<string, unknown>>): string[] {
  return Object.values(values).flatMap((value) => (isSecretReference(value) ? [value.secret] : []));
}

function ecsAgents(agents: readonly Agent[]): readonly Agent[] {
  return agents.filter((agent) => worksInCloud(agent) && agent.backend === "ecs");
}

function clusterOf(agent: Agent): string {
  const [cluster = "default"] = texts(agent, "cluster");
  if (cluster.startsWith("arn:")) return cluster;
  const [region = `\${AWS::Region}`] = texts(agent, "region_name");
  return `arn:\${AWS::Partition}:ecs:${region}:\${AWS::AccountId}:cluster/${cluster}`;
}

/** Every task of the clusters: an ARN of a task names its cluster. */
function tasksOf(agents: readonly Agent[]): readonly JsonValue[] {
  return unique(ecsAgents(agents).map(clusterOf)).map((cluster) => ({
    "Fn::Sub": `${cluster.replace(":cluster/", ":task/")}/*`,
  }));
}

function texts({ options }: Agent, key: string): string[] {
  const value = options[key];
  return typeof value === "string" && value !== "" ? [value] : [];
}

function allow(Sid: string, Action: readonly string[], Resource: JsonValue): Statement {
  return { Sid, Effect: "Allow", Action, Resource };
}

function arn(service: string, resource: string): JsonValue {
  return {
    "Fn::Sub": `arn:\${AWS::Partition}:${service}:\${AWS::Region}:\${AWS::AccountId}:${resource}`,
  };
}

function globalArn(service: string, resource: string): JsonValue {
  return { "Fn::Sub": `arn:\${AWS::Partition}:${service}::\${AWS::AccountId}:${resource}` };
}

function unique(list: readonly string[]): string[] {
  return [...new Set(list)];
}
