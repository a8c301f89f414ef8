import {
  type ErrorCode,
  isAlias,
  isScalar,
  isSeq,
  LineCounter,
  type ParsedNode,
  parseDocument,
  type Scalar,
  type YAMLMap,
} from "yaml";
import { PermanentError } from "../errors.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../json.ts";
import { YAML_11_SCALARS } from "./yaml-scalars.ts";

/** How long a document may be once its aliases are written out, in characters. */
const MAX_LENGTH = 4_000_000;
/** What a value counts for beside its text. */
const VALUE_LENGTH = 10;
/** How many lists and mappings may stand in one another, aliases written out. */
const MAX_DEPTH = 100;

/**
 * Reads a document of YAML 1.1 as PyYAML's safe loader does: `yes` is true, `017` is 15, `1_000` is 1000,
 * `1:30` is 90, `1e3` is text, `<<` merges, the later of two equal keys wins. An empty document is null.
 *
 * Dates stay the text they are written as, and keys become text, for there is no JSON for either. Tags
 * other than those of plain values, numbers JSON cannot hold exactly, and documents that have more than
 * some 4,000,000 characters or nest more than 100 deep, aliases written out, are refused.
 *
 * Throws `PermanentError` ("template") that names `what`, line and column, and never repeats content.
 */
export function parseYaml(text: string, what: string): JsonValue {
  const lines = new LineCounter();
  const fail = (offset: number, reason: string): PermanentError => {
    const { line, col } = lines.linePos(offset);
    return new PermanentError(
      "template",
      `${what} is not valid YAML at line ${line}, column ${col}: ${reason}`,
    );
  };
  const document = parseDocument(text, {
    customTags: [...YAML_11_SCALARS],
    lineCounter: lines,
    merge: false,
    prettyErrors: false,
    schema: "failsafe",
    uniqueKeys: false,
    version: "1.1",
  });
  const [fault] = [...document.errors, ...document.warnings];
  if (fault !== undefined) throw fail(fault.pos[0], reasonOf(fault.code));
  return valueOf(document.contents, { anchors: new Map(), length: 0, depth: 0, deepest: 0, fail });
}

/** A document being read; the numbers change as it goes on. */
interface Reading {
  /** What anchors stand for. Filled in the order of the document. */
  readonly anchors: Map<string, Anchored>;
  /** How long the document is so far. */
  length: number;
  /** How deep the value being read stands. */
  depth: number;
  /** How deep the deepest value stands, of the one being read. */
  deepest: number;
  readonly fail: (offset: number, reason: string) => PermanentError;
}

interface Anchored {
  readonly value: JsonValue;
  readonly length: number;
  /** How deep it is itself. */
  readonly height: number;
}

function valueOf(node: ParsedNode | null, reading: Reading): JsonValue {
  if (node === null) return null;
  const { length, depth, deepest } = reading;
  reading.depth = depth + 1;
  reading.deepest = reading.depth;
  checkDepth(node, reading);
  const value = bareValue(node, reading);
  if (reading.length > MAX_LENGTH) {
    throw reading.fail(node.range[0], "too long with its aliases written out");
  }
  if (!isAlias(node) && node.anchor !== undefined) {
    const height = reading.deepest - depth;
    reading.anchors.set(node.anchor, { value, length: reading.length - length, height });
  }
  reading.depth = depth;
  reading.deepest = Math.max(deepest, reading.deepest);
  return value;
}

function bareValue(node: ParsedNode, reading: Reading): JsonValue {
  if (isAlias(node)) {
    const anchor = reading.anchors.get(node.source);
    if (anchor === undefined) throw reading.fail(node.range[0], "an alias of nothing before it");
    reading.length += anchor.length;
    reading.deepest += anchor.height - 1;
    checkDepth(node, reading);
    return anchor.value;
  }
  reading.length += VALUE_LENGTH;
  if (isScalar(node)) return scalarValue(node, reading);
  if (isSeq(node)) return node.items.map((item) => valueOf(item, reading));
  return mapValue(node, reading);
}

function checkDepth(node: ParsedNode, { deepest, fail }: Reading): void {
  if (deepest > MAX_DEPTH) throw fail(node.range[0], "nested too deeply");
}

function scalarValue({ value, range }: Scalar.Parsed, reading: Reading): JsonValue {
  if (typeof value === "string") {
    reading.length += value.length;
    return value;
  }
  if (typeof value === "boolean" || value === null) return value;
  if (typeof value !== "number" || !isExact(value)) {
    throw reading.fail(range[0], "a number JSON cannot hold; put it in quotes");
  }
  return value;
}

function isExact(value: number): boolean {
  return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value));
}

/** A mapping's own keys win over merged ones, wherever they stand. */
function mapValue(node: YAMLMap.Parsed, reading: Reading): JsonObject {
  const merged = new Map<string, JsonValue | undefined>();
  const own = new Map<string, JsonValue>();
  for (const { key, value } of node.items) {
    if (isMergeKey(key)) {
      for (const source of mergeSources(value, key, reading)) {
        for (const [name, member] of Object.entries(source)) merged.set(name, member);
      }
    } else {
      own.set(keyText(key, reading), valueOf(value, reading));
    }
  }
  return Object.fromEntries([...merged, ...own]);
}

function isMergeKey(key: ParsedNode): boolean {
  return isScalar(key) && key.type === "PLAIN" && key.value === "<<";
}

/** The mappings to merge, later ones winning: of a list, the first mapping wins. */
function mergeSources(
  value: ParsedNode | null,
  key: ParsedNode,
  reading: Reading,
): readonly JsonObject[] {
  const merged = valueOf(value, reading);
  const sources = Array.isArray(merged) ? merged.toReversed() : [merged];
  if (sources.every(isJsonObject)) return sources;
  throw reading.fail(key.range[0], "only mappings can be merged");
}

function keyText(key: ParsedNode, reading: Reading): string {
  const value = valueOf(key, reading);
  if (value === null || typeof value !== "object") return String(value);
  throw reading.fail(key.range[0], "a key that is a list or a mapping");
}

/** The parser's own messages may repeat content, its codes do not: `BAD_INDENT` is "bad indent". */
function reasonOf(code: ErrorCode): string {
  if (code === "RESOURCE_EXHAUSTION") return "nested too deeply";
  if (code === "TAG_RESOLVE_FAILED") return "a tag that is not understood";
  return code.toLowerCase().replaceAll("_", " ");
}
