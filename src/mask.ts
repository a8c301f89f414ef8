import { isJsonObject, type JsonValue } from "./json.ts";

/** What stands for a value nobody may see. */
export const MASK = "***";

/**
 * Hides the values of variables, wherever they stand in a launch: as members of an object
 * (`{"NAME": value}`), as entries of a list (`{"name": "NAME", "value": value}`) or as assignments
 * (`"NAME=value"`). Only variables are touched: what lies below a key that holds variables.
 */
export function maskVariables(launch: JsonValue, names: readonly string[]): JsonValue {
  return mask(launch, new Set(names), false);
}

/** Keys below which platforms keep variables. */
const VARIABLES = new Set(["env", "Env", "environment"]);

function mask(value: JsonValue, names: ReadonlySet<string>, inside: boolean): JsonValue {
  if (Array.isArray(value)) return value.map((item) => maskItem(item, names, inside));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => {
      if (member === undefined) return [key, member];
      if (inside && names.has(key) && member !== null) return [key, MASK];
      return [key, mask(member, names, VARIABLES.has(key))];
    }),
  );
}

function maskItem(item: JsonValue, names: ReadonlySet<string>, inside: boolean): JsonValue {
  if (!inside) return mask(item, names, false);
  if (typeof item === "string") {
    const [name = ""] = item.split("=", 1);
    return names.has(name) && item !== name ? `${name}=${MASK}` : item;
  }
  if (isJsonObject(item) && names.has(String(item["name"])) && "value" in item) {
    return { ...item, value: MASK };
  }
  return item;
}
