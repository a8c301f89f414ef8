import { PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { type FauxqsServer, startFauxqs } from "fauxqs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PermanentError } from "../../src/errors.ts";
import type { TemplateSource } from "../../src/template.ts";
import { templateReader } from "../../src/templates/reader.ts";
import { s3Reader } from "../../src/templates/s3.ts";
import { testAgent } from "../contracts/request.ts";
import { answerServer } from "../fakes/answers.ts";

let server: FauxqsServer;
beforeAll(async () => {
  server = await startFauxqs({ port: 0, host: "127.0.0.1", logger: false });
  server.createBucket("sluice-templates");
});
afterAll(() => server.stop());

const here = () => `http://127.0.0.1:${server.port}`;
const configAt = (endpoint: string) => ({
  region: "us-east-1",
  endpoint,
  forcePathStyle: true,
  maxAttempts: 1,
  credentials: { accessKeyId: "test", secretAccessKey: "test" },
});
const agent = testAgent({ templates: ["s3://sluice-templates/p/"] });

/** Reads through one reader, as one function does. */
function reading(endpoint = here()) {
  const s3 = s3Reader({ client: configAt(endpoint) });
  const read = templateReader({ readers: { s3 }, cwd: "/" });
  return (uri: string, source: TemplateSource = "message") => read(uri, agent, source);
}

async function put(Key: string, Body: string | Uint8Array): Promise<void> {
  const client = new S3Client(configAt(here()));
  await client.send(new PutObjectCommand({ Bucket: "sluice-templates", Key, Body }));
  client.destroy();
}

/** As the SDK's providers throw it. */
class CredentialsProviderError extends Error {
  override readonly name = "CredentialsProviderError";
}

describe("a template in a bucket of S3", () => {
  it("is read as YAML", async () => {
    await put("p/t.yaml", "cpu: 1024\n");

    expect(await reading()("s3://sluice-templates/p/t.yaml")).toStrictEqual({ cpu: 1024 });
  });

  it.each(["p/a b+c%20d.json", "p/größe.json", "p/a&b=c.json"])(
    "is found by its key as it is written: %s",
    async (key) => {
      await put(key, "[1]");

      expect(await reading()(`s3://sluice-templates/${key}`)).toStrictEqual([1]);
    },
  );

  it("may be empty", async () => {
    await put("p/empty", new Uint8Array());

    expect(await reading()("s3://sluice-templates/p/empty")).toBeNull();
  });

  it("is not read from outside the fence", async () => {
    await put("q/t.yaml", "cpu: 1024\n");
    const read = reading();

    await expect(read("s3://sluice-templates/q/t.yaml")).rejects.toMatchObject({
      code: "forbidden",
    });
    expect(await read("s3://sluice-templates/q/t.yaml", "agent")).toStrictEqual({ cpu: 1024 });
  });

  it.each(["s3://sluice-templates/p/none.yaml", "s3://no-such-bucket/t.yaml"])(
    "that is not there is refused by name: %s",
    async (uri) => {
      const error = await reading()(uri, "agent").catch((thrown: unknown) => thrown);

      expect(error).toBeInstanceOf(PermanentError);
      expect(error).toMatchObject({ code: "template", message: expect.stringContaining(uri) });
    },
  );

  it.each(["s3://sluice-templates/", "s3:///p/t.yaml", "s3://"])(
    "that names no object is refused: %s",
    async (uri) => {
      await expect(reading()(uri, "agent")).rejects.toMatchObject({
        code: "template",
        message: expect.stringContaining("names no object"),
      });
    },
  );

  it("is fetched again only when it has changed", async () => {
    await put("p/change.yaml", "version: 1\n");
    const statuses: number[] = [];
    await using between = await answerServer((asked, response) => {
      void fetch(`${here()}${asked.url}`, {
        headers: {
          authorization: String(asked.headers.authorization),
          ...(asked.headers["if-none-match"] && {
            "if-none-match": asked.headers["if-none-match"],
          }),
        },
      }).then(async (answer) => {
        statuses.push(answer.status);
        const etag = answer.headers.get("etag");
        response
          .writeHead(answer.status, etag === null ? {} : { etag })
          .end(Buffer.from(await answer.arrayBuffer()));
      });
    });
    const read = reading(between.endpoint);
    const uri = "s3://sluice-templates/p/change.yaml";

    expect(await read(uri)).toStrictEqual({ version: 1 });
    expect(await read(uri)).toStrictEqual({ version: 1 });
    await put("p/change.yaml", "version: 2\n");
    expect(await read(uri)).toStrictEqual({ version: 2 });
    expect(await read(uri)).toStrictEqual({ version: 2 });

    expect(statuses).toStrictEqual([200, 304, 200, 304]);
  });

  it("that is denied is forbidden, and what is missing is named", async () => {
    await using s3 = await answerServer((_, response) =>
      response.writeHead(403).end("<Error><Code>AccessDenied</Code></Error>"),
    );

    const error = await reading(s3.endpoint)("s3://sluice-templates/p/t.yaml").catch(
      (thrown: unknown) => thrown,
    );

    expect(error).toBeInstanceOf(PermanentError);
    expect(error).toMatchObject({
      code: "forbidden",
      message: expect.stringMatching(
        /object p\/t\.yaml in bucket sluice-templates is denied.*grant s3:GetObject/,
      ),
    });
  });

  it.each([
    [400, "ExpiredToken"],
    [400, "InvalidToken"],
    [403, "InvalidAccessKeyId"],
    [403, "SignatureDoesNotMatch"],
  ])("answered by %i %s is refused for its credentials", async (status, code) => {
    await using s3 = await answerServer((_, response) =>
      response.writeHead(status).end(`<Error><Code>${code}</Code><Message>no</Message></Error>`),
    );

    await expect(reading(s3.endpoint)("s3://sluice-templates/p/t.yaml")).rejects.toMatchObject({
      code: "rejected",
      message: expect.stringMatching(
        new RegExp(`s3://sluice-templates/p/t.yaml .*${code}.*set or renew them`),
      ),
    });
  });

  it("is refused where there are no credentials", async () => {
    const none = async () => {
      throw new CredentialsProviderError("Could not load credentials from any providers");
    };
    const s3 = s3Reader({ client: { ...configAt(here()), credentials: none } });
    const read = templateReader({ readers: { s3 }, cwd: "/" });

    await expect(read("s3://sluice-templates/p/t.yaml", agent, "message")).rejects.toMatchObject({
      code: "rejected",
      message: expect.stringMatching(/any providers; set or renew them \(AWS_ACCESS_KEY_ID/),
    });
  });

  it("that is too large is refused before it is fetched", async () => {
    await put("p/full.yaml", `# ${"x".repeat(1_048_574)}`);
    expect(await reading()("s3://sluice-templates/p/full.yaml")).toBeNull();

    const closed = Promise.withResolvers<boolean>();
    await using s3 = await answerServer((_, response) => {
      response.on("close", () => closed.resolve(response.writableFinished));
      response.writeHead(200, { "content-length": "50000000", etag: '"x"' }).write("a: 1");
    });
    await expect(reading(s3.endpoint)("s3://sluice-templates/p/t")).rejects.toMatchObject({
      code: "template",
      message: "template s3://sluice-templates/p/t is larger than 1048576 bytes",
    });
    expect(await closed.promise).toBe(false);
  });

  it.each([500, 503, 429])("answered by %i is tried again", async (status) => {
    await using s3 = await answerServer((_, response) => response.writeHead(status).end());

    const error = await reading(s3.endpoint)("s3://sluice-templates/p/t").catch(
      (thrown: unknown) => thrown,
    );

    expect(error).toBeInstanceOf(Error);
    expect(error).not.toBeInstanceOf(PermanentError);
    expect(String(error)).toContain("s3://sluice-templates/p/t");
  });

  it("that no answer came for is named with the reason, and tried again", async () => {
    const gone = await startFauxqs({ port: 0, host: "127.0.0.1", logger: false });
    const address = `http://127.0.0.1:${gone.port}`;
    await gone.stop();

    const failure: unknown = await reading(address)("s3://sluice-templates/p/t.yaml").catch(
      (error: unknown) => error,
    );

    expect(failure).not.toBeInstanceOf(PermanentError);
    expect(failure).toMatchObject({
      message: expect.stringMatching(
        /^template s3:\/\/sluice-templates\/p\/t\.yaml cannot be fetched: .*ECONNREFUSED/,
      ) as string,
      cause: { code: "ECONNREFUSED" },
    });
  });

  it("whose answer makes no sense is named too", async () => {
    await using odd = await answerServer((_, response) => {
      response.writeHead(500, { "content-type": "application/xml" }).end("<Error><Code>");
    });

    await expect(reading(odd.endpoint)("s3://sluice-templates/p/t.yaml")).rejects.toThrow(
      "template s3://sluice-templates/p/t.yaml cannot be fetched: ",
    );
  });

  it("that breaks off is tried again", async () => {
    await using s3 = await answerServer((_, response) => {
      response.writeHead(200, { "content-length": "100" }).write("a: 1");
      setImmediate(() => response.destroy());
    });

    const error = await reading(s3.endpoint)("s3://sluice-templates/p/t").catch(
      (thrown: unknown) => thrown,
    );

    expect(error).toBeInstanceOf(Error);
    expect(error).not.toBeInstanceOf(PermanentError);
    expect(String(error)).toContain("template s3://sluice-templates/p/t cannot be fetched: ");
  });
});
