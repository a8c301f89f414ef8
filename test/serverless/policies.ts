import { TABLE } from "../../src/stores/dynamodb/schema.ts";
import type { AwsCall } from "../fakes/aws-proxy.ts";

/** What a call of DynamoDB asks for, in the words of IAM. */
export interface Use {
  readonly action: string;
  /** ARN of the table or the index. */
  readonly resource: string;
  /** The partition that is reached: of the table, or of the index. */
  readonly leadingKey: string;
}

/** A statement that allows actions on one resource, its variables filled in. */
export interface PolicyStatement {
  readonly Sid: string;
  readonly Action: string | readonly string[];
  readonly Resource: string;
  readonly Condition?: unknown;
}

/** ARN of a table as policies in the docs write it. */
export function tableArn(name: string): string {
  return `arn:aws:dynamodb:REGION:ACCOUNT:table/${name}`;
}

/** What a call asks for. Throws for one that names no partition. */
export function useOf({ operation, body }: AwsCall): Use {
  const input = JSON.parse(body) as Input;
  const index = input.IndexName === undefined ? "" : `/index/${input.IndexName}`;
  return {
    action: `dynamodb:${operation}`,
    resource: `${tableArn(input.TableName)}${index}`,
    leadingKey: input.Key?.pk.S ?? input.Item?.pk.S ?? partitionOf(input),
  };
}

/** Whether a statement allows a use. Throws if it has a condition nobody here knows. */
export function allows(statement: PolicyStatement, { action, resource, leadingKey }: Use): boolean {
  return (
    actionsOf(statement).includes(action) &&
    statement.Resource === resource &&
    leadingKeysOf(statement.Condition).some((pattern) => isLike(leadingKey, pattern))
  );
}

/** The actions and keys of a statement that no use needs. */
export function superfluousIn(statement: PolicyStatement, used: readonly Use[]): string[] {
  const needed = used.filter((use) => allows(statement, use));
  const actions = actionsOf(statement).filter(
    (action) => !needed.some((use) => use.action === action),
  );
  const keys = leadingKeysOf(statement.Condition).filter(
    (pattern) => !needed.some(({ leadingKey }) => isLike(leadingKey, pattern)),
  );
  return [...actions, ...keys].map((what) => `${statement.Sid}: ${what}`);
}

/** Patterns of the partitions a condition leaves; all of them without one. Throws for any other condition. */
export function leadingKeysOf(condition: unknown): readonly string[] {
  if (condition === undefined) return ["*"];
  const { "ForAllValues:StringLike": like, ...others } = condition as Conditions;
  const { "dynamodb:LeadingKeys": keys, ...more } = like ?? {};
  if (keys === undefined || Object.keys({ ...others, ...more }).length > 0) {
    throw new Error(`nobody here knows the condition ${JSON.stringify(condition)}`);
  }
  return keys;
}

/** Whether a text fits a pattern of IAM, in which `*` is any text and `?` any character. */
export function isLike(text: string, pattern: string): boolean {
  const source = pattern
    .replace(/[\\^$.|+()[\]{}]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${source}$`, "s").test(text);
}

type Conditions = Readonly<Record<string, Readonly<Record<string, readonly string[]>> | undefined>>;

interface Input {
  readonly TableName: string;
  readonly IndexName?: string;
  readonly Key?: { readonly pk: { readonly S: string } };
  readonly Item?: { readonly pk: { readonly S: string } };
  readonly KeyConditionExpression?: string;
  readonly ExpressionAttributeNames?: Readonly<Record<string, string>>;
  readonly ExpressionAttributeValues?: Readonly<Record<string, { readonly S?: string }>>;
}

/** The partition a query names. */
function partitionOf(input: Input): string {
  const { IndexName: index, ExpressionAttributeNames: names = {} } = input;
  const schema = TABLE.GlobalSecondaryIndexes.find(({ IndexName }) => IndexName === index) ?? TABLE;
  const hash = schema.KeySchema.find(({ KeyType }) => KeyType === "HASH")?.AttributeName;
  for (const [, name = "", value = ""] of (input.KeyConditionExpression ?? "").matchAll(
    /(#\w+) = (:\w+)/g,
  )) {
    const text = input.ExpressionAttributeValues?.[value]?.S;
    if (names[name] === hash && text !== undefined) return text;
  }
  throw new Error(`no partition in ${JSON.stringify(input)}`);
}

function actionsOf({ Action }: PolicyStatement): readonly string[] {
  return typeof Action === "string" ? [Action] : Action;
}
