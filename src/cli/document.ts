import { readFile, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { parse as parseYaml } from "yaml";
import { yamlFault } from "../embedded/yaml-fault.ts";
import { messageOf, PermanentError } from "../errors.ts";
import type { JsonValue } from "../json.ts";
import { refuseInexact } from "../unfit.ts";
import type { Context } from "./command.ts";

/** Whether an argument names a file: `-`, a name that ends like a document's, or a file that is there. */
export async function isFile({ settings }: Context, name: string): Promise<boolean> {
  if (name === "-" || /\.(ya?ml|json)$/i.test(name)) return true;
  const found = await stat(resolve(settings.cwd, name)).catch(() => undefined);
  return found?.isFile() ?? false;
}

/**
 * Reads a document of YAML 1.2, of which JSON is a part, from a file or, for `-`, from standard input.
 * Throws `PermanentError` with line and column, never with content.
 */
export async function readDocument(context: Context, name: string): Promise<JsonValue> {
  const text = await readText(context, name);
  return parseDocument(text, name === "-" ? "standard input" : name);
}

/** As `readDocument`, for a text at hand. */
export function parseDocument(text: string, what: string): JsonValue {
  const json = parseJson(text);
  if (json !== undefined) {
    refuseInexact(text, what);
    return json;
  }
  try {
    return plain(parseYaml(text, { intAsBigInt: true }), what);
  } catch (error) {
    throw yamlFault(error, `${what} is neither YAML nor JSON`);
  }
}

async function readText({ io, settings }: Context, name: string): Promise<string> {
  if (name === "-") {
    const pieces: Uint8Array[] = [];
    for await (const piece of io.input) pieces.push(piece);
    return Buffer.concat(pieces).toString("utf8");
  }
  try {
    return await readFile(resolve(settings.cwd, name), "utf8");
  } catch (error) {
    throw new PermanentError("invalid", `the file ${name} cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** JSON is tried first: it is exact where YAML would be slow. Why it is none, YAML says better. */
function parseJson(text: string): JsonValue | undefined {
  if (!/^\s*[[{"]/.test(text)) return undefined;
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
}

/** What YAML can say beyond JSON would be changed silently on its way, so it is refused. */
function plain(value: unknown, what: string): JsonValue {
  const text = JSON.stringify(value ?? null, (key, member: unknown) => {
    const number = typeof member === "bigint" ? Number(member) : member;
    if (typeof number !== "number" || isExact(number, member)) return number;
    throw new PermanentError(
      "invalid",
      `${what} holds a number at ${key} that JSON cannot represent: write it as text, in quotes`,
    );
  });
  return JSON.parse(text) as JsonValue;
}

function isExact(number: number, written: unknown): boolean {
  return Number.isFinite(number) && (typeof written === "number" || BigInt(number) === written);
}
