import type { Agent } from "../../src/agent.ts";
import { isSecretReference } from "../../src/agent.ts";
import type { JsonValue } from "../../src/json.ts";
import { templateAddress } from "../../src/templates/address.ts";
import { ownTemplates } from "../agents.ts";
import {
  describeRightsOnEcs,
  logRightsOnEcs,
  planRightsOnEcs,
  runRightsOnEcs,
  stopRightsOnEcs,
} from "./ecs.ts";
import { allow, type Statement, sub, unique } from "./statement.ts";

/** What `dispatch` needs to plan and launch the runs of these agents, and nothing more. */
export function dispatchRights(agents: readonly Agent[]): readonly Statement[] {
  return [
    ...templateRights(agents),
    ...secretRights(agents.flatMap((agent) => [...connectionSecrets(agent), ...jobSecrets(agent)])),
    ...planRightsOnEcs(agents),
    ...runRightsOnEcs(agents),
    // A launch looks for its task by mark, and a run cancelled meanwhile has its task stopped.
    ...stopRightsOnEcs(agents),
  ];
}

/** What `poll` needs to follow jobs and stop them. */
export function pollRights(agents: readonly Agent[]): readonly Statement[] {
  return [
    ...secretRights(agents.flatMap(connectionSecrets)),
    ...describeRightsOnEcs(agents),
    ...stopRightsOnEcs(agents),
  ];
}

/** What the API needs to plan runs, to stop jobs and to read their output. */
export function apiRights(agents: readonly Agent[]): readonly Statement[] {
  return [
    ...templateRights(agents),
    ...secretRights(agents.flatMap(connectionSecrets)),
    ...planRightsOnEcs(agents),
    ...stopRightsOnEcs(agents),
    ...logRightsOnEcs(agents),
  ];
}

/** What the entries of `templates` let messages name, and the agents' own templates. */
function templateRights(agents: readonly Agent[]): readonly Statement[] {
  const fenced = agents.flatMap(({ templates }) => templates.flatMap(belowEntry));
  const own = agents.flatMap(ownTemplates).flatMap(({ address }) => objectsOf(address));
  const objects = unique([...fenced, ...own]);
  if (objects.length === 0) return [];
  const resources = objects.map((object) => sub(`arn:\${AWS::Partition}:s3:::${object}`));
  return [allow("Templates", ["s3:GetObject"], resources)];
}

/** An entry ends at a slash whether or not it is written; without one it also names a single object. */
function belowEntry(entry: string): readonly string[] {
  return objectsOf(entry).flatMap((object) =>
    object.endsWith("/") ? [`${object}*`] : [object, `${object}/*`],
  );
}

/** The object of S3 that an address names, with its bucket. */
function objectsOf(address: string): readonly string[] {
  const { family, host, path } = templateAddress(address, "/");
  return family === "s3" ? [`${host}${path}`] : [];
}

/** Secrets without which a platform cannot be spoken to at all. */
function connectionSecrets({ options }: Agent): readonly string[] {
  return secretsIn(options);
}

/** Secrets that are put into a job when it is launched. ECS itself reads those of its tasks. */
function jobSecrets({ backend, env, prefect }: Agent): readonly string[] {
  return backend === "ecs" ? [] : secretsIn([env, prefect]);
}

/** Every reference in a value, however deep. */
function secretsIn(value: unknown): readonly string[] {
  if (typeof value !== "object" || value === null) return [];
  if (isSecretReference(value) && typeof value.secret === "string") return [value.secret];
  return Object.values(value).flatMap(secretsIn);
}

function secretRights(references: readonly string[]): readonly Statement[] {
  const named = (kind: string) =>
    unique(references.filter((reference) => reference.startsWith(kind))).map((reference) =>
      reference.slice(kind.length),
    );
  const parameters = named("ssm:");
  const secrets = named("secretsmanager:");
  return [
    ...(parameters.length === 0
      ? []
      : [allow("Parameters", ["ssm:GetParameter"], parameters.map(parameterArn))]),
    ...(secrets.length === 0
      ? []
      : [allow("Secrets", ["secretsmanager:GetSecretValue"], secrets.map(secretArn))]),
  ];
}

/** A reference may end in a version or label of the parameter, which is no part of its ARN. */
function parameterArn(name: string): JsonValue {
  if (name.startsWith("arn:")) return name.split(":").slice(0, 6).join(":");
  const [plain = ""] = name.split(":");
  return regional("ssm", `parameter/${plain.replace(/^\//, "")}`);
}

/** Secrets Manager adds six characters to the name of a secret; an ARN may be given without them. */
function secretArn(id: string): JsonValue {
  if (!id.startsWith("arn:")) return regional("secretsmanager", `secret:${id}-??????`);
  const arn = id.split(":").slice(0, 7).join(":");
  return /-[A-Za-z0-9]{6}$/.test(arn) ? arn : `${arn}-??????`;
}

/** Functions read secrets in their own region. */
function regional(service: string, resource: string): JsonValue {
  return sub(`arn:\${AWS::Partition}:${service}:\${AWS::Region}:\${AWS::AccountId}:${resource}`);
}
