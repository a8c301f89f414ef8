import { describe, expect, inject, test } from "vitest";
import { hashOf } from "../../../src/http/tokens.ts";
import { dynamoTokens } from "../../../src/stores/dynamodb/tokens.ts";
import { makeFolder } from "../../cli/sluice.ts";
import { createTable } from "./table.ts";

describe("sluice token", () => {
  test("makes, lists and removes tokens of a deployment whose table is named", async () => {
    const table = await createTable(inject("dynamodb"));
    const env = {
      SLUICE_TABLE: table.name,
      // Clients of a deployment have its address set, too.
      SLUICE_API_URL: "https://abc.execute-api.eu-west-1.amazonaws.com",
      AWS_REGION: "eu-west-1",
      AWS_ENDPOINT_URL_DYNAMODB: inject("dynamodb"),
    };
    // The SDK looks for them in the process.
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" });
    const folder = makeFolder();
    const [made] = await folder.json(["token", "create", "me", "--scope", "run"], { env });
    const tokens = dynamoTokens(table.open());
    expect(await tokens.find(hashOf(String(made?.["token"])))).toMatchObject({
      name: "me",
      scope: "run",
    });
    expect(await folder.json(["token", "list"], { env })).toMatchObject([{ name: "me" }]);
    await folder.run(["token", "remove", "me"], { env });
    expect(await tokens.list()).toEqual([]);
    await table.remove();
  });

  test("says what is missing where the deployment cannot be told", async () => {
    const env = { SLUICE_TABLE: "sluice-prod", AWS_REGION: "", AWS_DEFAULT_REGION: "" };
    const { code, stderr } = await makeFolder().run(["token", "list"], { env });
    expect({ code, stderr }).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("AWS_REGION"),
    });
  });
});
