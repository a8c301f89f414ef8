import fc from "fast-check";
import type { protobuf } from "google-gax";
import { describe, expect, it } from "vitest";
import { CUSTOM_JOB, type Field, type Fields } from "../../../src/backends/vertex/fields.ts";
import { type ClientValue, readMessage } from "../../../src/backends/vertex/message.ts";
import type { JsonObject, JsonValue } from "../../../src/json.ts";
import { root } from "../../fakes/vertex-server.ts";

const customJob = root.lookupType("google.cloud.aiplatform.v1.CustomJob");

describe("the fields of a CustomJob", () => {
  it("are those of Google's own definition, with its types", () => {
    expect(faults(CUSTOM_JOB, customJob, "custom_job")).toEqual([]);
  });

  it.each(["WorkerPoolSpec", "Scheduling", "MachineSpec", "DiskSpec", "ContainerSpec"])(
    "lack none of %s",
    (name) => {
      const type = root.lookupType(`google.cloud.aiplatform.v1.${name}`);
      const known = tableOf(CUSTOM_JOB, name) ?? {};
      expect(Object.keys(known).toSorted()).toEqual(type.fieldsArray.map(snakeName).toSorted());
    },
  );

  it("let no value get lost on its way into Google's messages", () => {
    fc.assert(
      fc.property(messages(CUSTOM_JOB), (job) => {
        const { message, issues, unknown } = readMessage(CUSTOM_JOB, job);
        expect([issues, unknown]).toEqual([[], []]);
        const sent = customJob.fromObject(message);
        expect(customJob.verify(sent)).toBeNull();
        const shown = { longs: Number, enums: String } as const;
        expect(comparable(customJob.toObject(sent, shown))).toEqual(comparable(message));
      }),
    );
  });
});

/** Where the table and a type of Google's do not agree. */
function faults(fields: Fields, type: protobuf.Type, at: string): string[] {
  type.resolveAll();
  return Object.entries(fields).flatMap(([name, field]) => {
    const found = type.fieldsArray.find((candidate) => snakeName(candidate) === name);
    return found === undefined
      ? [`${at}.${name} is unknown`]
      : mismatches(field, found, `${at}.${name}`);
  });
}

function mismatches(field: Field, found: protobuf.Field, at: string): string[] {
  if (field.type === "list") {
    return found.repeated ? mismatches(field.of, found, at) : [`${at} is no list`];
  }
  const resolved = found.resolvedType;
  switch (field.type) {
    case "message":
      return resolved !== null && "fieldsArray" in resolved
        ? faults(field.fields, resolved, at)
        : [`${at} is ${found.type}`];
    case "choice":
      return resolved !== null && "values" in resolved
        ? differences(Object.keys(resolved.values), field.names, at)
        : [`${at} is ${found.type}`];
    case "text":
      return found.type === "string" ? [] : [`${at} is ${found.type}`];
    case "whole":
      return ["int32", "int64"].includes(found.type) ? [] : [`${at} is ${found.type}`];
    case "flag":
      return found.type === "bool" ? [] : [`${at} is ${found.type}`];
    case "duration":
      return found.type.endsWith("protobuf.Duration") ? [] : [`${at} is ${found.type}`];
    case "labels":
      return found.map ? [] : [`${at} is no map`];
  }
}

function differences(wanted: readonly string[], names: readonly string[], at: string): string[] {
  return [
    ...wanted.filter((name) => !names.includes(name)).map((name) => `${at} lacks ${name}`),
    ...names.filter((name) => !wanted.includes(name)).map((name) => `${at} has no ${name}`),
  ];
}

/** The part of the table that stands for a type, found by the field it is the type of. */
function tableOf(fields: Fields, name: string): Fields | undefined {
  for (const [key, field] of Object.entries(fields)) {
    const inner = field.type === "list" ? field.of : field;
    if (inner.type !== "message") continue;
    const is = key.replaceAll("_", "").replace(/s$/, "") === name.toLowerCase();
    const found = is ? inner.fields : tableOf(inner.fields, name);
    if (found !== undefined) return found;
  }
  return undefined;
}

function snakeName({ name }: { readonly name: string }): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function messages(fields: Fields): fc.Arbitrary<JsonObject> {
  const members = Object.entries(fields)
    // A pool runs a container or a package; Google's message has room for one of them.
    .filter(([name]) => name !== "python_package_spec")
    .map(([name, field]) => [name, values(field)] as const);
  return fc.record(Object.fromEntries(members), { requiredKeys: [] });
}

function values(field: Field): fc.Arbitrary<JsonValue> {
  switch (field.type) {
    case "message":
      return messages(field.fields);
    case "list":
      return fc.array(values(field.of), { maxLength: 2 });
    case "labels":
      return fc.dictionary(
        fc.string().filter((key) => key !== "__proto__"),
        fc.string(),
      );
    case "choice":
      return fc.constantFrom(...field.names);
    case "text":
      return fc.string();
    case "whole":
      return fc.nat();
    case "flag":
      return fc.boolean();
    case "duration":
      return fc.nat().map((seconds) => `${seconds}s`);
  }
}

/** protobuf leaves empty lists and objects out, and shows numbers of a duration as it likes. */
function comparable(value: unknown): ClientValue | undefined {
  if (Array.isArray(value)) {
    const items = value.map((item) => comparable(item) ?? {});
    return items.length === 0 ? undefined : items;
  }
  if (typeof value !== "object" || value === null) return value as ClientValue;
  const entries = Object.entries(value).flatMap(([key, member]) => {
    const kept = comparable(member);
    return kept === undefined ? [] : [[key, kept] as const];
  });
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}
