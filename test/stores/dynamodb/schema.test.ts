import { globSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { TABLE } from "../../../src/stores/dynamodb/schema.ts";

const KEYS = [TABLE, ...TABLE.GlobalSecondaryIndexes].flatMap(({ KeySchema }) =>
  KeySchema.map(({ AttributeName }) => AttributeName),
);

describe("the table", () => {
  it("defines exactly the attributes that keys are made of", () => {
    const defined = TABLE.AttributeDefinitions.map(({ AttributeName }) => AttributeName);
    expect([...defined].sort()).toStrictEqual([...KEYS].sort());
  });

  it("gives every index what a head is read from", () => {
    for (const { KeySchema, Projection } of TABLE.GlobalSecondaryIndexes) {
      const held = [
        "pk",
        ...KeySchema.map(({ AttributeName }) => AttributeName),
        ...Projection.NonKeyAttributes,
      ];
      expect(held).toEqual(expect.arrayContaining(["pk", "head", "revision", "recent_at"]));
    }
  });

  it("is nowhere scanned", () => {
    for (const file of globSync("src/{stores/dynamodb,aws}/**/*.ts")) {
      expect(readFileSync(file, "utf8"), file).not.toMatch(/Scan(?:Command|Input)/);
    }
  });
});
