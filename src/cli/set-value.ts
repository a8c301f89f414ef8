import type * as z from "zod";
import type { JsonValue } from "../json.ts";
import { orionSchemas } from "../run-config/orion.ts";
import { prefect1Schemas } from "../run-config/prefect1.ts";

/**
 * The value of a `--set`, of which `text` is how it was typed. A number becomes that text where run configs
 * take text and no number, such as at `cpu`; which type the run config has may be known only to whoever
 * takes the message.
 */
export function settingValue(path: readonly string[], value: JsonValue, text: string): JsonValue {
  if (typeof value !== "number") return value;
  const takes = (candidate: JsonValue) => fieldsAt(path).some((field) => field(candidate));
  return !takes(value) && takes(text) ? text : value;
}

/** For each type that knows the property, whether it takes a value there. */
function fieldsAt(path: readonly string[]): readonly ((value: JsonValue) => boolean)[] {
  const [first, ...rest] = path;
  return first === "config"
    ? fieldsOf(Object.values(orionSchemas), rest)
    : fieldsOf(Object.values(prefect1Schemas), path);
}

function fieldsOf(
  types: readonly { readonly shape: Readonly<Record<string, z.ZodType>> }[],
  [name = "", ...inner]: readonly string[],
): readonly ((value: JsonValue) => boolean)[] {
  return types.flatMap(({ shape }) => {
    const schema = Object.hasOwn(shape, name) ? shape[name] : undefined;
    return schema === undefined
      ? []
      : [(value: JsonValue) => schema.safeParse(within(inner, value)).success];
  });
}

/** A value as it lies below the names of a path. */
function within(path: readonly string[], value: JsonValue): JsonValue {
  return path.reduceRight<JsonValue>((inner, name) => ({ [name]: inner }), value);
}
