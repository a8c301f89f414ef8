import type * as z from "zod";
import { type Issue, invalid } from "./errors.ts";

/** What came of checking a document: its value, or all its faults. */
export type Checked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly issues: readonly Issue[] };

/**
 * Checks a value against a schema and reports every fault, each with its path below `at`, what was
 * expected and what came.
 */
export function check<T>(schema: z.ZodType<T>, value: unknown, at = ""): Checked<T> {
  const result = schema.safeParse(value, { reportInput: true });
  if (result.success) return { ok: true, value: result.data };
  return { ok: false, issues: result.error.issues.map((issue) => toIssue(issue, at)) };
}

/** A part of a document: what people call it, and its path. */
export interface Part {
  readonly what: string;
  readonly at: string;
}

/**
 * As `check`, but throws a `PermanentError` ("invalid") that names the part and holds all faults. What is
 * called by a text alone is a document of its own.
 */
export function checked<T>(schema: z.ZodType<T>, value: unknown, part: string | Part): T {
  const { what, at } = typeof part === "string" ? { what: part, at: "" } : part;
  const result = check(schema, value, at);
  if (result.ok) return result.value;
  throw invalid(what, result.issues);
}

/** A value as an error message shows it: short, and with its type where that is not plain. */
export function show(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "object") return "an object";
  if (typeof value === "string") return `the text ${JSON.stringify(shorten(value))}`;
  return `${String(value)} (${typeof value})`;
}

/** Joins the parts of a path as issues write it. */
export function joinPath(at: string, path: readonly PropertyKey[]): string {
  return [at, ...path.map(String)].filter((part) => part !== "").join(".");
}

function toIssue(issue: z.core.$ZodIssue, at: string): Issue {
  const path = joinPath(at, issue.path);
  switch (issue.code) {
    case "invalid_type":
      return { path, message: `expected ${article(issue.expected)}, got ${show(issue.input)}` };
    case "invalid_value":
      return {
        path,
        message: `expected ${issue.values.map((value) => String(value)).join(", ")}, got ${show(issue.input)}`,
      };
    case "unrecognized_keys":
      return { path, message: `unknown key ${issue.keys.join(", ")}` };
    default:
      return { path, message: `${expectation(issue)}, got ${show(issue.input)}` };
  }
}

/** What a schema says of itself; where it says nothing, bounds and choices in our words. */
function expectation(issue: z.core.$ZodIssue): string {
  if (issue.message.startsWith("expected ")) return issue.message;
  switch (issue.code) {
    case "too_small":
      return `expected ${issue.inclusive === false ? "more than" : "at least"} ${issue.minimum}${unitOf(issue.origin)}`;
    case "too_big":
      return `expected ${issue.inclusive === false ? "less than" : "at most"} ${issue.maximum}${unitOf(issue.origin)}`;
    case "invalid_union":
      return "expected another kind of value";
    default:
      return issue.message;
  }
}

function unitOf(origin: string): string {
  if (origin === "string") return " characters";
  return origin === "array" ? " entries" : "";
}

const ARTICLES: Readonly<Record<string, string>> = {
  array: "a list",
  object: "an object",
  record: "an object",
  string: "text",
  int: "a whole number",
  number: "a number",
  boolean: "true or false",
};

function article(expected: string): string {
  return ARTICLES[expected] ?? expected;
}

function shorten(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`;
}
