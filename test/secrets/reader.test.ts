import { describe, expect, it } from "vitest";
import { PermanentError } from "../../src/errors.ts";
import { secretReader } from "../../src/secrets/reader.ts";
import { answerServer } from "../fakes/answers.ts";

interface Answer {
  readonly status?: number;
  readonly body: object;
}

/** Parameter Store and Secrets Manager at one address; each answer is given by the operation. */
async function aws(answers: Record<string, (input: Record<string, unknown>) => Answer>) {
  const server = await answerServer(({ headers, body }, response) => {
    const operation = String(headers["x-amz-target"]).split(".").at(-1) ?? "";
    const { status = 200, body: answer } = answers[operation]?.(
      JSON.parse(body) as Record<string, unknown>,
    ) ?? { status: 400, body: { __type: "UnknownOperationException" } };
    response
      .writeHead(status, { "content-type": "application/x-amz-json-1.1" })
      .end(JSON.stringify(answer));
  });
  const client = {
    region: "eu-west-1",
    endpoint: server.endpoint,
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    maxAttempts: 1,
  };
  let time = 0;
  const read = secretReader({
    now: () => new Date(time),
    env: { TOKEN: "from the environment", EMPTY: "" },
    ssm: client,
    secretsManager: client,
  });
  return {
    read,
    asked: server.asked,
    pass: (ms: number) => void (time += ms),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

const parameter = (Value: string) => ({ body: { Parameter: { Value } } });
const failing = (name: string) => ({ status: 400, body: { __type: name, message: "no" } });

describe("a secret", () => {
  it("is read from the environment", async () => {
    await using secrets = await aws({});

    expect(await secrets.read("env:TOKEN")).toBe("from the environment");
    expect(await secrets.read("env:EMPTY")).toBe("");
    expect(secrets.asked).toHaveLength(0);
  });

  it("is read from the Parameter Store, decrypted", async () => {
    await using secrets = await aws({
      GetParameter: ({ Name, WithDecryption }) => parameter(`${Name} ${WithDecryption}`),
    });

    expect(await secrets.read("ssm:/sluice/key:3")).toBe("/sluice/key:3 true");
  });

  it("is read from Secrets Manager by name and by ARN", async () => {
    await using secrets = await aws({
      GetSecretValue: ({ SecretId }) => ({ body: { SecretString: `of ${SecretId}` } }),
    });
    const arn = "arn:aws:secretsmanager:eu-west-1:1:secret:key-AbCdEf";

    expect(await secrets.read("secretsmanager:key")).toBe("of key");
    expect(await secrets.read(`secretsmanager:${arn}`)).toBe(`of ${arn}`);
  });

  it("is read once by all who ask, and again after five minutes", async () => {
    let version = 0;
    await using secrets = await aws({ GetParameter: () => parameter(`version ${(version += 1)}`) });

    const first = await Promise.all(Array.from({ length: 20 }, () => secrets.read("ssm:key")));
    secrets.pass(299_999);
    const kept = await secrets.read("ssm:key");
    secrets.pass(1);
    const rotated = await secrets.read("ssm:key");

    expect(new Set(first)).toStrictEqual(new Set(["version 1"]));
    expect([kept, rotated]).toStrictEqual(["version 1", "version 2"]);
  });

  it("that could not be read is asked for again", async () => {
    let tries = 0;
    await using secrets = await aws({
      GetParameter: () => {
        tries += 1;
        return tries === 1 ? failing("ThrottlingException") : parameter("there");
      },
    });

    const error = await secrets.read("ssm:key").catch((thrown: unknown) => thrown);

    expect(error).not.toBeInstanceOf(PermanentError);
    expect(error).toMatchObject({ message: expect.stringContaining("ssm:key cannot be read") });
    expect(await secrets.read("ssm:key")).toBe("there");
  });

  it.each([
    ["ssm:key", "ParameterNotFound", "invalid"],
    ["secretsmanager:key", "ResourceNotFoundException", "invalid"],
    ["ssm:key", "AccessDeniedException", "forbidden"],
    ["secretsmanager:key", "DecryptionFailure", "forbidden"],
    ["ssm:key", "ExpiredTokenException", "rejected"],
    ["secretsmanager:key", "UnrecognizedClientException", "rejected"],
  ])("is refused for good: %s with %s", async (reference, name, code) => {
    await using secrets = await aws({
      GetParameter: () => failing(name),
      GetSecretValue: () => failing(name),
    });

    const error = await secrets.read(reference).catch((thrown: unknown) => thrown);

    expect(error).toBeInstanceOf(PermanentError);
    expect(error).toMatchObject({ code, message: expect.stringContaining(reference) });
  });

  it.each(["env:NONE", "secretsmanager:binary"])(
    "without text is refused: %s",
    async (reference) => {
      await using secrets = await aws({
        GetSecretValue: () => ({ body: { SecretBinary: "AAAA" } }),
      });

      await expect(secrets.read(reference)).rejects.toMatchObject({
        code: "invalid",
        message: expect.stringContaining(`${reference} has no text`),
      });
    },
  );

  it.each(["vault:key", "key", "ssm:", "constructor:x", ""])(
    "of no known kind is refused: %j",
    async (reference) => {
      await using secrets = await aws({});

      await expect(secrets.read(reference)).rejects.toMatchObject({
        code: "invalid",
        message: expect.stringContaining("use env:NAME, ssm:NAME or secretsmanager:ID"),
      });
      expect(secrets.asked).toHaveLength(0);
    },
  );
});
