import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DescribeTableCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { GetQueueUrlCommand, SetQueueAttributesCommand, SQSClient } from "@aws-sdk/client-sqs";
import { type RawAws, rawAws } from "./runtime/aws.ts";
import type { Mapping } from "./runtime/mappings.ts";
import type { Json } from "./tasks.ts";

/** A resource of a template. */
interface Resource {
  readonly Type: string;
  readonly Properties: Json;
}

interface Template {
  readonly Resources: Record<string, Resource>;
}

/** What the framework keeps between `package` and `deploy`. */
interface State {
  readonly service: { readonly provider: { readonly compiledCloudFormationTemplate: Template } };
}

type Resources = readonly (readonly [string, Resource])[];

/** The resources of a stack that moto's CloudFormation must not or cannot make. */
export interface LeftOut {
  /** Makes them, once the stack is there. Returns the mappings of streams, of which moto knows nothing. */
  make(endpoint: string, region: string): Promise<readonly Mapping[]>;
}

/** A type no CloudFormation makes anything of; moto passes over those it does not know. */
const UNKNOWN = "AWS::Lambda::NotForMoto";

/**
 * Hides the mappings of streams in what the framework has packaged: moto drives the function of such a
 * mapping within each write to the table, in Docker, be the mapping enabled or not, and forgets the stream's
 * records after that. What moto does not know anyway stays as it is: the HTTP API, policies of queues, and
 * how often functions are given an event.
 */
export function leaveOut(packaged: string): LeftOut {
  const read = (name: string) => JSON.parse(readFileSync(join(packaged, name), "utf8")) as unknown;
  const template = read("cloudformation-template-update-stack.json") as Template;
  const resources: Resources = Object.entries(template.Resources);
  const streams = resources.filter(([, one]) => isStream(one));
  // The framework deploys the template in here. Other parts refer to its parts, so all of them must stay.
  const state = read("serverless-state.json") as State;
  const deployed = state.service.provider.compiledCloudFormationTemplate.Resources;
  for (const [id, resource] of streams) deployed[id] = { ...resource, Type: UNKNOWN };
  writeFileSync(join(packaged, "serverless-state.json"), JSON.stringify(state));
  return {
    async make(endpoint, region) {
      const known = await namesOf(resources, endpoint, region);
      const aws = rawAws(endpoint, region);
      await makeApi(resources, aws, known);
      await allowInvocations(resources, aws, known);
      const sqs = new SQSClient({ endpoint, region });
      await setPolicies(resources, sqs, known);
      sqs.destroy();
      return streams.map(([, { Properties }]) => {
        const { FunctionName, ...all } = resolve(Properties, known) as Json;
        return { ...all, FunctionArn: FunctionName } as unknown as Mapping;
      });
    },
  };
}

function isStream({ Type, Properties }: Resource): boolean {
  return Type === "AWS::Lambda::EventSourceMapping" && "StartingPosition" in Properties;
}

/** What references to functions, queues, rules and tables stand for. All of them have literal names. */
async function namesOf(resources: Resources, endpoint: string, region: string) {
  const known = new Map<string, string>();
  const tables = new DynamoDBClient({ endpoint, region });
  const make = (id: string, name: unknown, arn: string) => {
    known.set(id, String(name));
    known.set(
      `${id}.Arn`,
      `arn:aws:${arn.replace(":", `:${region}:123456789012:`)}${String(name)}`,
    );
  };
  for (const [id, { Type, Properties: properties }] of resources) {
    if (Type === "AWS::Lambda::Function") make(id, properties["FunctionName"], "lambda:function:");
    if (Type === "AWS::SQS::Queue") make(id, properties["QueueName"], "sqs:");
    if (Type === "AWS::Events::Rule") make(id, properties["Name"], "events:rule/");
    if (Type !== "AWS::DynamoDB::Table") continue;
    const TableName = String(properties["TableName"]);
    const { Table } = await tables.send(new DescribeTableCommand({ TableName }));
    known.set(`${id}.StreamArn`, Table?.LatestStreamArn ?? "");
  }
  tables.destroy();
  return known;
}

/** Makes the HTTP API with what belongs to it, in the order in which one needs the other. */
async function makeApi(resources: Resources, aws: RawAws, known: Map<string, string>) {
  const kinds = ["Api", "Integration", "Route", "Stage"] as const;
  for (const kind of kinds) {
    for (const [id, { Type, Properties }] of resources) {
      if (Type !== `AWS::ApiGatewayV2::${kind}`) continue;
      const { ApiId, ...input } = resolve(Properties, known) as Json;
      const below = kind === "Api" ? "" : `/${String(ApiId)}/${kind.toLowerCase()}s`;
      const made = await aws.post("apigateway", `/v2/apis${below}`, withSmallInitials(input));
      known.set(id, String(made[kind === "Api" ? "apiId" : `${kind.toLowerCase()}Id`]));
    }
  }
}

/** Says how often an event is given to functions again. */
async function allowInvocations(resources: Resources, aws: RawAws, known: Map<string, string>) {
  for (const [, { Type, Properties }] of resources) {
    if (Type !== "AWS::Lambda::EventInvokeConfig") continue;
    const { FunctionName, Qualifier: _, ...config } = resolve(Properties, known) as Json;
    await aws.put("lambda", `/2019-09-25/functions/${FunctionName}/event-invoke-config`, config);
  }
}

/** Says who may send to queues. */
async function setPolicies(resources: Resources, sqs: SQSClient, known: Map<string, string>) {
  for (const [, { Type, Properties }] of resources) {
    if (Type !== "AWS::SQS::QueuePolicy") continue;
    const { Queues, PolicyDocument } = resolve(Properties, known) as Json;
    for (const QueueName of Queues as readonly string[]) {
      const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName }));
      const Attributes = { Policy: JSON.stringify(PolicyDocument) };
      await sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes }));
    }
  }
}

/** Templates write names of properties as `RouteKey`, the API of API Gateway as `routeKey`. */
function withSmallInitials(properties: Json): Json {
  const small = (key: string) => `${key[0]?.toLowerCase()}${key.slice(1)}`;
  return Object.fromEntries(Object.entries(properties).map(([key, one]) => [small(key), one]));
}

/** A value of a template without its functions. Throws for what it does not know. */
function resolve(value: unknown, known: ReadonlyMap<string, string>): unknown {
  if (Array.isArray(value)) return value.map((one) => resolve(one, known));
  if (typeof value !== "object" || value === null) return value;
  const { Ref, "Fn::GetAtt": attribute, "Fn::Join": join } = value as Json;
  if (typeof Ref === "string") return named(Ref, known);
  if (Array.isArray(attribute)) return named(attribute.join("."), known);
  if (Array.isArray(join)) return (resolve(join[1], known) as string[]).join(String(join[0]));
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, resolve(one, known)]));
}

function named(reference: string, known: ReadonlyMap<string, string>): string {
  const found = known.get(reference);
  if (found === undefined)
    throw new Error(`the template refers to ${reference}, which nobody made`);
  return found;
}
