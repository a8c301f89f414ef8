import { readFileSync } from "node:fs";
import { invalid, messageOf, PermanentError } from "../errors.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../json.ts";
import { parseYaml } from "../text/yaml.ts";

/**
 * The path of this machine's file that an address means: one without a scheme, relative ones from the
 * directory of the process on, or with `file://` or `local://`, whose host is ignored. Undefined for
 * addresses of other schemes.
 */
export function localPath(address: string): string | undefined {
  const [, scheme, rest = ""] = /^([a-z][a-z0-9+.-]*):\/\/[^/]*(.*)$/is.exec(address) ?? [];
  if (scheme === undefined) return address === "" ? undefined : address;
  if (!/^(file|local)$/i.test(scheme)) return undefined;
  return rest;
}

/**
 * Reads a template, JSON or YAML 1.1, from a file of this machine; null if it is empty. Throws
 * `PermanentError`: `template` if it cannot be read or parsed, `invalid` if it is no mapping.
 */
export function readLocalTemplate(path: string, field: string): JsonObject | null {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const message = `${field}: the template ${path} cannot be read: ${messageOf(error)}`;
    throw new PermanentError("template", message, { cause: error });
  }
  return mapping(parseYaml(text, path), field);
}

/** A template given as text; see `readLocalTemplate`. */
export function parseTemplate(text: string, field: string): JsonObject | null {
  return mapping(parseYaml(text, field), field);
}

function mapping(value: JsonValue, field: string): JsonObject | null {
  if (value === null || isJsonObject(value)) return value;
  const message = "expected a mapping, got other YAML";
  throw invalid("the template", [{ path: field, message }]);
}
