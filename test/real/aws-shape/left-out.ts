import { readFileSync, writeFileSync } from "node:fs";
import { DescribeTableCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { type RawAws, rawAws } from "./runtime/aws.ts";
import type { Mapping } from "./runtime/mappings.ts";
import type { Json } from "./tasks.ts";

/** A resource of a template. */
interface Resource {
  readonly Type: string;
  readonly Properties: Json;
}

type Resources = readonly (readonly [string, Resource])[];

/** The resources of a stack that moto's CloudFormation must not or cannot make. */
export interface LeftOut {
  /** Makes them, once the stack is there. Returns the mappings of streams, of which moto knows nothing. */
  make(endpoint: string, region: string): Promise<readonly Mapping[]>;
}

/**
 * Takes the mappings of streams out of a packaged template: moto drives the function of such a mapping
 * within each write to the table, in Docker, be the mapping enabled or not, and forgets the stream's records
 * after that. The HTTP API stays in it; moto takes no notice.
 */
export function leaveOut(file: string): LeftOut {
  const template = JSON.parse(readFileSync(file, "utf8")) as { readonly Resources: object };
  const resources: Resources = Object.entries(template.Resources);
  const streams = resources.filter(([, one]) => isStream(one));
  const rest = Object.fromEntries(resources.filter(([, one]) => !isStream(one)));
  writeFileSync(file, JSON.stringify({ ...template, Resources: rest }));
  return {
    async make(endpoint, region) {
      const known = await namesOf(resources, endpoint, region);
      await makeApi(resources, rawAws(endpoint, region), known);
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

/** What references to functions, queues and tables stand for. All of them have literal names. */
async function namesOf(resources: Resources, endpoint: string, region: string) {
  const known = new Map<string, string>();
  const arn = (service: string, name: unknown) =>
    `arn:aws:${service}:${region}:123456789012:${String(name)}`;
  const tables = new DynamoDBClient({ endpoint, region });
  for (const [id, { Type, Properties }] of resources) {
    if (Type === "AWS::Lambda::Function") {
      known.set(`${id}.Arn`, arn("lambda", `function:${String(Properties["FunctionName"])}`));
    }
    if (Type === "AWS::SQS::Queue") known.set(`${id}.Arn`, arn("sqs", Properties["QueueName"]));
    if (Type === "AWS::DynamoDB::Table") {
      const TableName = String(Properties["TableName"]);
      const { Table } = await tables.send(new DescribeTableCommand({ TableName }));
      known.set(`${id}.StreamArn`, Table?.LatestStreamArn ?? "");
    }
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
