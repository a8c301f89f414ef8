import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { apiRights, dispatchRights, pollRights } from "../../scripts/rights/index.ts";
import type { Statement } from "../../scripts/rights/statement.ts";
import { unheard, variablesFor } from "../../scripts/serverless-variables.ts";
import { templateAddress } from "../../src/templates/address.ts";
import { isFenced } from "../../src/templates/fence.ts";
import { isLike } from "../serverless/policies.ts";
import { agentsOf } from "./agents.ts";

const HERE = "arn:${AWS::Partition}:ecs:${AWS::Region}:${AWS::AccountId}";

/** What a policy allows an action on, texts for CloudFormation as texts. */
function resourcesOf(statements: readonly Statement[], action: string): unknown[] {
  return statements
    .filter(({ Action }) => Action.includes(action))
    .flatMap(({ Resource }) => Resource)
    .map(textOf);
}

function textOf(resource: unknown): unknown {
  return typeof resource === "object" && resource !== null && "Fn::Sub" in resource
    ? resource["Fn::Sub"]
    : resource;
}

function clustersIn(statements: readonly Statement[], action: string): unknown[] {
  return statements
    .filter(({ Action }) => Action.includes(action))
    .flatMap(({ Condition }) => Condition?.["ArnEquals"]?.["ecs:cluster"] ?? [])
    .map(textOf);
}

describe("an ECS agent", () => {
  test("without options has rights in the cluster default of the functions' region", async () => {
    const rights = dispatchRights(await agentsOf("  a: { backend: ecs }"));
    expect(resourcesOf(rights, "ecs:RunTask")).toEqual([`${HERE}:task-definition/sluice-*:*`]);
    expect(clustersIn(rights, "ecs:RunTask")).toEqual([`${HERE}:cluster/default`]);
    expect(resourcesOf(rights, "ecs:TagResource")).toEqual([
      `${HERE}:task-definition/sluice-*:*`,
      `${HERE}:task/default/*`,
    ]);
    expect(resourcesOf(rights, "ecs:StopTask")).toEqual([`${HERE}:task/default/*`]);
    expect(resourcesOf(rights, "logs:GetLogEvents")).toEqual([]);
  });

  test("follows and stops tasks in its former clusters, starts none there, and hears of them", async () => {
    const moved = "arn:aws:ecs:us-west-2:210987654321";
    const agents = await agentsOf(
      `  a: { backend: ecs, cluster: new, former_clusters: [old, "${moved}:cluster/west"] }`,
    );
    const clusters = [`${HERE}:cluster/new`, `${HERE}:cluster/old`, `${moved}:cluster/west`];
    const tasks = [`${HERE}:task/new/*`, `${HERE}:task/old/*`, `${moved}:task/west/*`];
    for (const rights of [dispatchRights(agents), pollRights(agents), apiRights(agents)]) {
      expect(resourcesOf(rights, "ecs:DescribeTasks")).toEqual(tasks);
      expect(resourcesOf(rights, "ecs:StopTask")).toEqual(tasks);
      expect(clustersIn(rights, "ecs:StopTask")).toEqual(clusters);
      expect(clustersIn(rights, "ecs:ListTasks")).toEqual(clusters);
    }
    expect(clustersIn(dispatchRights(agents), "ecs:RunTask")).toEqual(clusters.slice(0, 1));
    expect(resourcesOf(dispatchRights(agents), "ecs:TagResource")).toEqual([
      `${HERE}:task-definition/sluice-*:*`,
      `${HERE}:task/new/*`,
    ]);
    expect(variablesFor(agents).clusters.map(textOf)).toEqual(clusters);
  });

  test("is named if its cluster is in another region, from where no events come", async () => {
    const agents = await agentsOf(`
  here: { backend: ecs }
  same: { backend: ecs, region_name: eu-west-1 }
  west: { backend: ecs, region_name: us-west-2 }
  arn: { backend: ecs, cluster: "arn:aws:ecs:eu-north-1:210987654321:cluster/a" }
  gpu: { backend: vertex, project: p }`);
    expect(unheard(agents, "eu-west-1")).toMatch(/^No events arrive for the tasks of west, arn: /);
    expect(unheard(agents.slice(0, 2), "eu-west-1")).toBeUndefined();
  });

  test("has all its rights in the region it names", async () => {
    const agents = await agentsOf(
      "  a: { backend: ecs, cluster: flows, region_name: us-west-2, log_group: /flows, task_definition_arns: [etl] }",
    );
    const there = "arn:${AWS::Partition}:ecs:us-west-2:${AWS::AccountId}";
    const rights = dispatchRights(agents);
    expect(resourcesOf(rights, "ecs:RunTask")).toEqual([
      `${there}:task-definition/sluice-*:*`,
      `${there}:task-definition/etl:*`,
    ]);
    expect(resourcesOf(rights, "ecs:TagResource")).toEqual([
      `${there}:task-definition/sluice-*:*`,
      `${there}:task/flows/*`,
    ]);
    for (const action of ["ecs:RunTask", "ecs:ListTasks", "ecs:StopTask"]) {
      expect(clustersIn(rights, action)).toEqual([`${there}:cluster/flows`]);
    }
    expect(resourcesOf(apiRights(agents), "logs:GetLogEvents")).toEqual([
      "arn:${AWS::Partition}:logs:us-west-2:${AWS::AccountId}:log-group:/flows:log-stream:*",
    ]);
  });

  test("has all its rights in the region and account of its cluster's ARN", async () => {
    const agents = await agentsOf(
      "  a: { backend: ecs, cluster: 'arn:aws-cn:ecs:cn-north-1:210987654321:cluster/west', region_name: eu-west-1, log_group: /flows }",
    );
    const rights = dispatchRights(agents);
    const there = "arn:aws-cn:ecs:cn-north-1:210987654321";
    expect(resourcesOf(rights, "ecs:RunTask")).toEqual([`${there}:task-definition/sluice-*:*`]);
    expect(clustersIn(rights, "ecs:RunTask")).toEqual([`${there}:cluster/west`]);
    expect(resourcesOf(rights, "ecs:StopTask")).toEqual([`${there}:task/west/*`]);
    expect(resourcesOf(apiRights(agents), "logs:GetLogEvents")).toEqual([
      "arn:aws-cn:logs:cn-north-1:210987654321:log-group:/flows:log-stream:*",
    ]);
  });

  test("runs in the cluster of its run_task_kwargs unless it names one itself", async () => {
    const agents = await agentsOf(
      "  a: { backend: ecs, run_task_kwargs: { cluster: flows } }\n  b: { backend: ecs, labels: [b], cluster: own, run_task_kwargs: { cluster: other } }",
    );
    const clusters = [`${HERE}:cluster/flows`, `${HERE}:cluster/own`];
    expect(clustersIn(dispatchRights(agents), "ecs:RunTask")).toEqual(clusters);
    expect(variablesFor(agents).clusters.map(textOf)).toEqual(clusters);
  });

  test("may run the definitions it lists, any revision of those without one", async () => {
    const elsewhere = "arn:aws:ecs:us-west-2:210987654321:task-definition";
    const rights = dispatchRights(
      await agentsOf(
        `  a: { backend: ecs, task_definition_arns: [etl, 'load:3', 'team-*', '${elsewhere}/x', '${elsewhere}/y:2', '${elsewhere}/z-*'] }`,
      ),
    );
    expect(resourcesOf(rights, "ecs:RunTask").slice(1)).toEqual([
      `${HERE}:task-definition/etl:*`,
      `${HERE}:task-definition/load:3`,
      `${HERE}:task-definition/team-*:*`,
      `${elsewhere}/x:*`,
      `${elsewhere}/y:2`,
      `${elsewhere}/z-*:*`,
    ]);
  });

  test("lets its logs be read, further groups too", async () => {
    const agents = await agentsOf("  a: { backend: ecs, log_group: /a, log_groups: [/b, /a] }");
    const group = (name: string) =>
      `arn:\${AWS::Partition}:logs:\${AWS::Region}:\${AWS::AccountId}:log-group:${name}:log-stream:*`;
    expect(resourcesOf(apiRights(agents), "logs:GetLogEvents")).toEqual([group("/a"), group("/b")]);
    expect(resourcesOf(dispatchRights(agents), "logs:GetLogEvents")).toEqual([]);
  });

  test("passes on the roles it names, else those with our names", async () => {
    const named = await agentsOf("  a: { backend: ecs, task_role_arn: arn:t }");
    expect(resourcesOf(dispatchRights(named), "iam:PassRole")).toEqual(["arn:t"]);
    const none = await agentsOf("  a: { backend: ecs }");
    expect(resourcesOf(dispatchRights(none), "iam:PassRole")).toEqual([
      "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/sluice-task-*",
    ]);
  });

  test("whose host works elsewhere asks for nothing", async () => {
    const agents = await agentsOf("  a: { backend: ecs, remote: true, log_group: /a }");
    expect(dispatchRights(agents)).toEqual([]);
    expect(pollRights(agents)).toEqual([]);
    expect(apiRights(agents)).toEqual([]);
  });
});

describe("templates", async () => {
  const agents = await agentsOf("  a: { backend: vertex }");
  const readable = (...templates: string[]) =>
    resourcesOf(dispatchRights(agents.map((agent) => ({ ...agent, templates }))), "s3:GetObject")
      .map(String)
      .map((resource) => resource.replace("arn:${AWS::Partition}:s3:::", ""));

  test("are the object of an entry's name and all below it; all below it alone, if it ends in a slash", () => {
    expect(readable("s3://b/a", "s3://b/c/")).toEqual(["b/a", "b/a/*", "b/c/*"]);
    expect(readable("s3://b", "s3://b/", "gs://c/", "agent:///etc/", "https://h/")).toEqual([
      "b/*",
    ]);
  });

  test("may be read if, and only if, a message may name them", () => {
    const path = fc.array(fc.constantFrom("a", "b", "/", "//", "%2e", " "), { maxLength: 6 });
    const uri = fc
      .tuple(fc.constantFrom("s3", "S3"), fc.constantFrom("b", "bb"), path)
      .map(([scheme, bucket, parts]) => `${scheme}://${bucket}/${parts.join("")}`);
    const behind = fc.constantFrom("", "/", "x", "/x", "/x/y");
    fc.assert(
      fc.property(fc.array(uri, { maxLength: 3 }), uri, behind, (entries, other, more) => {
        for (const one of [other, ...entries]) {
          const address = templateAddress(`${one}${more}`, "/");
          const object = `${address.host}${address.path}`;
          const isReadable = readable(...entries).some((pattern) => isLike(object, pattern));
          expect(isReadable, object).toBe(isFenced(address, entries));
        }
      }),
    );
  });
});

describe("secrets", () => {
  const AGENTS = `
  cluster:
    backend: kubernetes
    kubeconfig: { secret: "ssm:/sluice/kubeconfig" }
    env: { KEY: { secret: "secretsmanager:flows/key" }, PLAIN: "ssm:/not/a/reference" }
    prefect: { api_key: { secret: "ssm:prefect:3" } }
  training:
    backend: vertex
    labels: [gpu]
    env:
      A: { secret: "secretsmanager:arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf:json:stage:id" }
      B: { secret: "secretsmanager:arn:aws:secretsmanager:eu-west-1:123456789012:secret:db" }
      C: { secret: "ssm:arn:aws:ssm:eu-west-1:210987654321:parameter/shared:2" }
      D: { secret: "env:HOME" }
  tasks:
    backend: ecs
    labels: [ecs]
    env: { TOKEN: { secret: "ssm:/flows/token" } }
    prefect: { api_key: { secret: "ssm:/flows/prefect" } }
  box:
    backend: docker
    labels: [box]
    env: { TOKEN: { secret: "ssm:/box/token" } }
`;
  const parameter = (name: string) =>
    `arn:\${AWS::Partition}:ssm:\${AWS::Region}:\${AWS::AccountId}:parameter/${name}`;

  test("of connections and jobs are read where jobs are launched, by exactly their names", async () => {
    const rights = dispatchRights(await agentsOf(AGENTS));
    expect(resourcesOf(rights, "ssm:GetParameter")).toEqual([
      parameter("sluice/kubeconfig"),
      parameter("prefect"),
      "arn:aws:ssm:eu-west-1:210987654321:parameter/shared",
    ]);
    expect(resourcesOf(rights, "secretsmanager:GetSecretValue")).toEqual([
      "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:flows/key-??????",
      "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf",
      "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-??????",
    ]);
  });

  test("of jobs are read nowhere else, for following and planning need connections only", async () => {
    const agents = await agentsOf(AGENTS);
    for (const rights of [pollRights(agents), apiRights(agents)]) {
      expect(resourcesOf(rights, "ssm:GetParameter")).toEqual([parameter("sluice/kubeconfig")]);
      expect(resourcesOf(rights, "secretsmanager:GetSecretValue")).toEqual([]);
    }
  });
});
