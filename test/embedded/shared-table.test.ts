import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openSharedTable } from "../../src/embedded/shared-table.ts";
import { PermanentError } from "../../src/errors.ts";
import { answerServer } from "../fakes/answers.ts";

beforeEach(() => {
  vi.stubEnv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "secret");
});
afterEach(() => {
  vi.unstubAllEnvs();
});

/** Opens a table where DynamoDB answers every call with an error of this name. */
async function refusedBy(name: string): Promise<unknown> {
  await using dynamodb = await answerServer((_, response) =>
    response.writeHead(400).end(JSON.stringify({ __type: `aws#${name}`, message: "no" })),
  );
  const { endpoint } = dynamodb;
  const settings = { table: "runs", region: "eu-west-1", endpoint, keepDays: 7 };
  return await openSharedTable(settings).catch((error: unknown) => error);
}

describe("the table of a deployment", () => {
  it.each([
    ["ResourceNotFoundException", "not_found", /there is no table runs in eu-west-1/],
    ["AccessDeniedException", "forbidden", /table runs in eu-west-1 may not be read/],
    ["ExpiredTokenException", "forbidden", /have expired: no; renew them/],
    ["UnrecognizedClientException", "forbidden", /do not fit: no; look at the key/],
    ["IncompleteSignatureException", "forbidden", /do not fit: no; look at the key/],
  ])("is refused for good with %s", async (name, code, message) => {
    const error = await refusedBy(name);
    expect(error).toBeInstanceOf(PermanentError);
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it("may be opened later where DynamoDB fails otherwise", async () => {
    const error = await refusedBy("ValidationException");
    expect(error).toBeInstanceOf(Error);
    expect(error).not.toBeInstanceOf(PermanentError);
  });
});
