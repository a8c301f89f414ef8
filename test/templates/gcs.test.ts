import type { ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { CredentialsError } from "../../src/credentials/google.ts";
import { PermanentError } from "../../src/errors.ts";
import type { TemplateSource } from "../../src/template.ts";
import { templateAddress } from "../../src/templates/address.ts";
import { type GcsReaderOptions, gcsOptions, gcsReader } from "../../src/templates/gcs.ts";
import { templateReader } from "../../src/templates/reader.ts";
import { testAgent } from "../contracts/request.ts";
import { type Asked, answerServer } from "../fakes/answers.ts";
import {
  federation,
  googleProcess,
  silentTokenService,
  token,
  tokenService,
} from "../fakes/google-tokens.ts";
import { freePort } from "../fakes/serve.ts";

const agent = testAgent({ templates: ["gs://sluice-templates/p/"] });

function reading(endpoint: string, options: GcsReaderOptions = {}) {
  return readingAs({ endpoint, identity: bearerOf("token-1"), ...options });
}

function readingAs(options: GcsReaderOptions) {
  const gcs = gcsReader(options);
  const read = templateReader({ readers: { gcs }, cwd: "/" });
  return (uri: string, source: TemplateSource = "message") => read(uri, agent, source);
}

const bearerOf = (token: string) => ({ token: async () => ({ token }), forget: () => undefined });

interface Stored {
  text: string;
  generation: number;
}

/** Cloud Storage with one bucket, as far as its JSON API hands out objects. */
function storage(objects: Record<string, Stored>) {
  return answerServer((asked, response) => {
    const url = new URL(asked.url, "http://storage");
    const [, bucket = "", name = ""] =
      /^\/storage\/v1\/b\/([^/]+)\/o\/([^/]+)$/.exec(url.pathname) ?? [];
    const object = objects[`${decodeURIComponent(bucket)}/${decodeURIComponent(name)}`];
    if (asked.headers.authorization !== "Bearer token-1") return void response.writeHead(401).end();
    if (object === undefined || url.searchParams.get("alt") !== "media") {
      return void response.writeHead(404).end("Not Found");
    }
    const generation = String(object.generation);
    if (url.searchParams.get("ifGenerationNotMatch") === generation) {
      return void response.writeHead(304).end();
    }
    response.writeHead(200, { "x-goog-generation": generation }).end(object.text);
  });
}

function answering(answer: (response: ServerResponse, asked: Asked) => void) {
  return answerServer((asked, response) => answer(response, asked));
}

const T = "gs://sluice-templates/p/t";
const failureOf = (reading: Promise<unknown>) => reading.catch((thrown: unknown) => thrown);

describe("a template in a bucket of Cloud Storage", () => {
  it.each(["gs", "gcs"])("is read by its %s address", async (scheme) => {
    await using gcs = await storage({
      "sluice-templates/p/a b/größe%.yaml": { text: "cpu: yes", generation: 1 },
    });

    const value = await reading(gcs.endpoint)(`${scheme}://sluice-templates/p/a b/größe%.yaml`);

    expect(value).toStrictEqual({ cpu: true });
  });

  it("outside the fence is not asked for by a message", async () => {
    await using gcs = await storage({ "sluice-templates/q/t": { text: "a: 1", generation: 1 } });
    const read = reading(gcs.endpoint);

    await expect(read("gs://sluice-templates/q/t")).rejects.toMatchObject({ code: "forbidden" });
    expect(gcs.asked).toHaveLength(0);
    expect(await read("gs://sluice-templates/q/t", "agent")).toStrictEqual({ a: 1 });
  });

  it("is fetched again only when it has changed", async () => {
    const object = { text: "version: 1", generation: 7 };
    await using gcs = await storage({ "sluice-templates/p/t": object });
    const read = reading(gcs.endpoint);

    expect(await read(T)).toStrictEqual({ version: 1 });
    expect(await read(T)).toStrictEqual({ version: 1 });
    Object.assign(object, { text: "version: 2", generation: 8 });
    expect(await read(T)).toStrictEqual({ version: 2 });

    const marks = gcs.asked.map(({ url }) => /ifGenerationNotMatch=(\d+)/.exec(url)?.[1]);
    expect(marks).toStrictEqual([undefined, "7", "7"]);
  });

  it("that is not there is refused by name", async () => {
    await using gcs = await storage({});

    const error = await failureOf(reading(gcs.endpoint)(T));

    expect(error).toBeInstanceOf(PermanentError);
    expect(error).toMatchObject({
      code: "template",
      message: expect.stringContaining("no object p/t in a bucket sluice-templates"),
    });
  });

  it("answered by 403 is forbidden", async () => {
    await using gcs = await answering((response) => response.writeHead(403).end("secret"));

    const error = await failureOf(reading(gcs.endpoint)(T));

    expect(error).toMatchObject({
      code: "forbidden",
      message: expect.stringContaining("grant storage.objects.get"),
    });
    expect(String(error)).not.toMatch(/secret|token-1/);
  });

  it.each([408, 429, 500, 503])("answered by %i is tried again", async (status) => {
    await using gcs = await answering((response) => response.writeHead(status).end());

    const error = await failureOf(reading(gcs.endpoint)(T));

    expect(error).not.toBeInstanceOf(PermanentError);
    expect(error).toMatchObject({ message: expect.stringContaining(`answers ${status}`) });
  });

  it("that says it is too large is refused before it is fetched", async () => {
    const closed = Promise.withResolvers<boolean>();
    await using gcs = await answering((response) => {
      response.on("close", () => closed.resolve(response.writableFinished));
      response.writeHead(200, { "content-length": "50000000" }).write("a: 1");
    });

    await expect(reading(gcs.endpoint)(T)).rejects.toThrow(/is larger than 1048576 bytes/);
    expect(await closed.promise).toBe(false);
  });

  it("that turns out too large is cut off", async () => {
    await using gcs = await answering((response) =>
      response
        .writeHead(200, { "content-encoding": "gzip" })
        .end(gzipSync(Buffer.alloc(64 * 1_048_576, "x"))),
    );

    const reader = gcsReader({ endpoint: gcs.endpoint, identity: bearerOf("token-1") });
    const read = reader.read({ address: templateAddress(T, "/"), source: "agent", entries: [] });

    await expect(read).rejects.toMatchObject({
      code: "template",
      message: expect.stringContaining("larger than 1048576 bytes"),
    });
  });

  it("that does not come, or breaks off, is tried again", async () => {
    for (const answer of [
      () => undefined,
      (response: ServerResponse) => response.writeHead(200).write("a: 1"),
      (response: ServerResponse) => {
        response.writeHead(200, { "content-length": "100" }).write("a: 1");
        setImmediate(() => response.destroy());
      },
      (response: ServerResponse) => response.destroy(),
    ]) {
      await using gcs = await answering(answer);

      const error = await failureOf(reading(gcs.endpoint, { timeoutMs: 200 })(T));

      expect(error).not.toBeInstanceOf(PermanentError);
      expect(error).toMatchObject({
        message: expect.stringContaining(`${T.replace("gs", "gcs")} cannot be fetched`),
      });
    }
  });

  it("is asked for once more, with credentials looked for again, when those it had are not accepted", async () => {
    await using gcs = await storage({ "sluice-templates/p/t": { text: "a: 1", generation: 1 } });
    let held = "token-0";
    const identity = {
      token: async () => ({ token: held }),
      forget: ({ token }: { token: string }) => void (held = token === held ? "token-1" : held),
    };

    expect(await reading(gcs.endpoint, { identity })(T)).toStrictEqual({ a: 1 });
    expect(gcs.asked.map(({ headers }) => headers.authorization)).toEqual([
      "Bearer token-0",
      "Bearer token-1",
    ]);
  });

  it("is refused when Cloud Storage does not accept what was looked for again either", async () => {
    await using gcs = await storage({});
    const forgotten: string[] = [];
    const identity = {
      token: async () => ({ token: "token-0" }),
      forget: ({ token }: { token: string }) => void forgotten.push(token),
    };

    expect(await failureOf(reading(gcs.endpoint, { identity })(T))).toMatchObject({
      code: "rejected",
      message: expect.stringMatching(
        /gcs:\/\/.* does not accept.*GOOGLE_APPLICATION_CREDENTIALS.*googleCredentials=FILE/,
      ),
    });
    expect(gcs.asked).toHaveLength(2);
    expect(forgotten).toEqual(["token-0", "token-0"]);
  });

  it("takes nothing but a token from the federation of a function", async () => {
    await using tokens = await tokenService(token("federated"));
    await using here = await googleProcess();
    here.asFunction();
    await here.use(federation(tokens.url));

    const nowhere = `https://127.0.0.1:${await freePort()}`;

    const error = await failureOf(readingAs({ endpoint: nowhere })(T));

    expect(error).not.toBeInstanceOf(PermanentError);
    expect(String(error)).toMatch(/cannot be fetched: .*ECONNREFUSED/);
    expect(tokens.asked.map(({ method, url }) => `${method} ${url}`)).toEqual(["POST /v1/token"]);
  });

  it("is tried again when no token comes in time", async () => {
    await using tokens = await silentTokenService();
    await using here = await googleProcess();
    here.asFunction();
    await here.use(federation(tokens.url));
    await using gcs = await storage({});
    const identity = { token: () => new Promise<never>(() => undefined), forget: () => undefined };

    for (const options of [{}, { identity }]) {
      const endpoint = gcs.endpoint.replace("http:", "https:");
      const error = await failureOf(readingAs({ ...options, endpoint, timeoutMs: 100 })(T));

      expect(error).not.toBeInstanceOf(PermanentError);
      expect(String(error)).toMatch(/template gcs:.* gives no token .* in time/);
    }
    expect(gcs.asked).toEqual([]);
  });

  it("is refused for credentials that a person must put right, and else tried again", async () => {
    await using gcs = await storage({});
    const failing = (lasting: boolean) => ({
      token: () => Promise.reject(new CredentialsError("no token came", { lasting })),
      forget: () => undefined,
    });

    const refused = await failureOf(reading(gcs.endpoint, { identity: failing(true) })(T));
    const later = await failureOf(reading(gcs.endpoint, { identity: failing(false) })(T));

    expect(refused).toMatchObject({ code: "rejected" });
    expect(later).not.toBeInstanceOf(PermanentError);
    for (const error of [refused, later]) {
      expect(String(error)).toMatch(/template gcs:\/\/sluice-templates\/p\/t .*no token came/);
    }
    expect(gcs.asked).toHaveLength(0);
  });

  it("is read without credentials where Google's variable for emulators says", async () => {
    await using gcs = await answering((response) => response.end("a: 1"));
    const host = gcs.endpoint.replace("http://", "");
    for (const STORAGE_EMULATOR_HOST of [gcs.endpoint, `${gcs.endpoint}/`, host]) {
      const read = templateReader({
        readers: { gcs: gcsReader(gcsOptions({ STORAGE_EMULATOR_HOST })) },
        cwd: "/",
      });
      expect(await read(T, agent, "message")).toStrictEqual({ a: 1 });
    }
    expect(gcs.asked.map(({ headers }) => headers.authorization)).toEqual(Array(3).fill(undefined));
    expect(gcsOptions({})).toEqual({});
  });
});
