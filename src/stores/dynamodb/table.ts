import type * as Dynamo from "@aws-sdk/client-dynamodb";
import type {
  AttributeValue,
  ConditionalCheckFailedException,
  DynamoDBClient,
  DynamoDBClientConfig,
  QueryCommandInput,
} from "@aws-sdk/client-dynamodb";
import { type Expressions, expressions, fromItem, type Item, toItem } from "./item.ts";
import type { IndexName } from "./schema.ts";

/** Which table, and how it is reached. */
export interface TableOptions {
  readonly table: string;
  /**
   * Settings of the SDK's client: region, endpoint, credentials. A call is tried four times in all, for
   * at most three seconds each, unless they say otherwise.
   */
  readonly client: DynamoDBClientConfig;
}

/** Where an item is. */
export interface Key {
  readonly pk: string;
  readonly sk: string;
}

/** What came of a write with a condition. `item`: as it is now, or, if refused, as it was. */
export type Written =
  | { readonly done: true; readonly item: Item }
  | { readonly done: false; readonly item: Item | undefined };

/** A change of one item, made if nothing there, or what is there, meets the condition. */
export interface Update {
  readonly key: Key;
  readonly set: Item;
  readonly remove?: readonly string[];
  /** With `#name` for attributes and `:name` for values. */
  readonly condition: string;
  /** Values the condition names beside those of `set`. */
  readonly values?: Item;
}

/** Items of one partition, in the order of their sort keys. */
export interface Query {
  /** Without one, the table itself, strongly consistent; an index lags behind. */
  readonly index?: IndexName;
  /** With `#name` for attributes and `:name` for values. */
  readonly where: string;
  readonly values: Item;
  /** The largest sort key first. Default: false. */
  readonly descending?: boolean;
  /** How many items are read at a time. */
  readonly pageSize: number;
}

/** One table. Every method is one call; throws whatever the SDK throws once its retries are used up. */
export interface Table {
  /** An item, strongly consistent. */
  get(key: Key): Promise<Item | undefined>;
  /** Puts an item in the place of whatever is there. */
  put(item: Item & Key): Promise<void>;
  /** Puts an item where there is none. */
  insert(item: Item & Key): Promise<Written>;
  update(update: Update): Promise<Written>;
  /** Removes an item if it meets the condition. */
  remove(key: Key, condition?: Expressions): Promise<void>;
  /** Reads page by page, as far as the caller goes. */
  query(query: Query): AsyncGenerator<Item, undefined>;
}

/** Opens a table. Calls nothing; the SDK is loaded with the first call. */
export function openTable({ table: TableName, client: config }: TableOptions): Table {
  let loaded: Promise<Sdk> | undefined;
  const load = () => (loaded ??= loadSdk(config));
  return {
    async get(key) {
      const { client, sdk } = await load();
      const input = { TableName, Key: toItem(key), ConsistentRead: true };
      const { Item } = await client.send(new sdk.GetItemCommand(input));
      return Item === undefined ? undefined : fromItem(Item);
    },
    async put(item) {
      const { client, sdk } = await load();
      await client.send(new sdk.PutItemCommand({ TableName, Item: toItem(item) }));
    },
    insert: async (item) => await insert(await load(), TableName, item),
    update: async (change) => await update(await load(), TableName, change),
    remove: async (key, condition) => await remove(await load(), { TableName, key, condition }),
    query: (query) => pages(load, { TableName, ...queryInput(query) }),
  };
}

type Module = typeof Dynamo;

interface Sdk {
  readonly sdk: Module;
  readonly client: DynamoDBClient;
}

async function loadSdk(config: DynamoDBClientConfig): Promise<Sdk> {
  const sdk = await import("@aws-sdk/client-dynamodb");
  const client = new sdk.DynamoDBClient({
    maxAttempts: 4,
    requestHandler: {
      connectionTimeout: 2_000,
      requestTimeout: 3_000,
      throwOnRequestTimeout: true,
    },
    ...config,
  });
  return { sdk, client };
}

async function insert({ client, sdk }: Sdk, TableName: string, item: Item & Key) {
  const input = { TableName, Item: toItem(item), ...onCondition("attribute_not_exists(#pk)") };
  return await conditional(sdk, async () => {
    await client.send(new sdk.PutItemCommand(input));
    return item;
  });
}

async function update({ client, sdk }: Sdk, TableName: string, change: Update) {
  const input = { TableName, ...updateInput(change), ReturnValues: "ALL_NEW" as const };
  return await conditional(sdk, async () => {
    const { Attributes = {} } = await client.send(new sdk.UpdateItemCommand(input));
    return fromItem(Attributes);
  });
}

interface Removal {
  readonly TableName: string;
  readonly key: Key;
  readonly condition: Expressions | undefined;
}

async function remove({ client, sdk }: Sdk, { TableName, key, condition }: Removal): Promise<void> {
  const when = condition && onCondition(condition.text, condition.values);
  await conditional(sdk, async () => {
    await client.send(new sdk.DeleteItemCommand({ TableName, Key: toItem(key), ...when }));
    return { ...key };
  });
}

/** A condition that fails is an answer, and brings what is there without another read. */
async function conditional(sdk: Module, write: () => Promise<Item>): Promise<Written> {
  try {
    return { done: true, item: await write() };
  } catch (error) {
    if (!(error instanceof sdk.ConditionalCheckFailedException)) throw error;
    const { Item }: ConditionalCheckFailedException = error;
    return { done: false, item: Item === undefined ? undefined : fromItem(Item) };
  }
}

function onCondition(text: string, values: Item = {}) {
  return {
    ConditionExpression: text,
    ReturnValuesOnConditionCheckFailure: "ALL_OLD" as const,
    ...expressions({ text, values }),
  };
}

function updateInput({ key, set, remove = [], condition, values = {} }: Update) {
  const sets = Object.keys(set).map((name) => `#${name} = :${name}`);
  const removes = remove.map((name) => `#${name}`);
  const text = [
    ...(sets.length > 0 ? [`SET ${sets.join(", ")}`] : []),
    ...(removes.length > 0 ? [`REMOVE ${removes.join(", ")}`] : []),
  ].join(" ");
  return {
    Key: toItem(key),
    UpdateExpression: text,
    ...onCondition(condition),
    ...expressions({ text: `${text} ${condition}`, values: { ...set, ...values } }),
  };
}

function queryInput({ index, where, values, descending = false, pageSize }: Query) {
  return {
    KeyConditionExpression: where,
    ...expressions({ text: where, values }),
    ...(index === undefined ? { ConsistentRead: true } : { IndexName: index }),
    ScanIndexForward: !descending,
    Limit: pageSize,
  };
}

async function* pages(
  load: () => Promise<Sdk>,
  input: QueryCommandInput,
): AsyncGenerator<Item, undefined> {
  const { client, sdk } = await load();
  let start: Record<string, AttributeValue> | undefined;
  do {
    const page = await client.send(
      new sdk.QueryCommand(start === undefined ? input : { ...input, ExclusiveStartKey: start }),
    );
    for (const item of page.Items ?? []) yield fromItem(item);
    start = page.LastEvaluatedKey;
  } while (start !== undefined);
  return undefined;
}
