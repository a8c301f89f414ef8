import type { AttributeValue } from "@aws-sdk/client-dynamodb";

/** An item of the table: texts and numbers; what has more structure is kept as JSON text. */
export type Item = Readonly<Record<string, string | number>>;

/** An expression, with `#name` for attributes and `:name` for values, and those values. */
export interface Expressions {
  readonly text: string;
  readonly values: Item;
}

/** An item as DynamoDB takes it. */
export function toItem(item: object): Record<string, AttributeValue> {
  return Object.fromEntries(
    Object.entries(item).map(([name, value]: [string, string | number]) => [
      name,
      typeof value === "number" ? { N: String(value) } : { S: value },
    ]),
  );
}

/** An item as DynamoDB gives it. */
export function fromItem(item: Readonly<Record<string, AttributeValue>>): Item {
  return Object.fromEntries(Object.entries(item).map(([name, { S, N }]) => [name, S ?? Number(N)]));
}

/** A text of an item that always has it. */
export function textOf(item: Item, name: string): string {
  return String(item[name] ?? "");
}

/** Names every attribute of an expression by a placeholder, for many words are reserved. */
export function expressions({ text, values }: Expressions) {
  const names = [...text.matchAll(/#(\w+)/g)].map(([placeholder, name = ""]) => [
    placeholder,
    name,
  ]);
  const entries = Object.entries(values).map(([name, value]) => [`:${name}`, value] as const);
  return {
    ExpressionAttributeNames: Object.fromEntries(names) as Record<string, string>,
    ...(entries.length === 0
      ? {}
      : { ExpressionAttributeValues: toItem(Object.fromEntries(entries)) }),
  };
}
