import type { JsonValue } from "../../src/json.ts";

/** A statement of an IAM policy. */
export interface Statement {
  readonly Sid: string;
  readonly Effect: "Allow";
  readonly Action: readonly string[];
  readonly Resource: JsonValue;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, JsonValue>>>>;
}

/** A statement that allows some actions on some resources. */
export function allow(Sid: string, Action: readonly string[], Resource: JsonValue): Statement {
  return { Sid, Effect: "Allow", Action, Resource };
}

/** A text in which CloudFormation fills in account, region and partition; as it is if it has none. */
export function sub(text: string): JsonValue {
  return text.includes("${") ? { "Fn::Sub": text } : text;
}

export function unique(list: readonly string[]): string[] {
  return [...new Set(list)];
}
