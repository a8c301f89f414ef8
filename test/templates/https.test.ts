import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PermanentError } from "../../src/errors.ts";
import type { TemplateSource } from "../../src/template.ts";
import { httpsReader } from "../../src/templates/https.ts";
import { templateReader } from "../../src/templates/reader.ts";
import { testAgent } from "../contracts/request.ts";

type Answer = (response: ServerResponse, url: string) => void;

let server: Server;
let here: string;
let answers: Record<string, Answer>;
let asked: string[];

beforeEach(async () => {
  answers = {};
  asked = [];
  server = createServer((request, response) => {
    const url = request.url ?? "";
    asked.push(url);
    const answer = answers[url.split("?")[0] ?? ""];
    if (answer === undefined) response.writeHead(404).end("secret");
    else answer(response, url);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  here = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function read(path: string, source: TemplateSource = "message", timeoutMs?: number) {
  const https = httpsReader({ fetch, ...(timeoutMs === undefined ? {} : { timeoutMs }) });
  const agent = testAgent({ templates: [`${here}/in/`] });
  return templateReader({ readers: { https }, cwd: "/" })(`${here}${path}`, agent, source);
}

const text =
  (body: string, status = 200): Answer =>
  (response) =>
    response.writeHead(status).end(body);
const redirect =
  (location: string): Answer =>
  (response) =>
    response.writeHead(302, { location }).end();

describe("a template on the web", () => {
  it("is read with its query", async () => {
    answers["/in/t.yaml"] = text("a: yes");
    expect(await read("/in/t.yaml?token=1")).toEqual({ a: true });
    expect(asked).toEqual(["/in/t.yaml?token=1"]);
  });

  it("outside the fence is not even asked for by a message", async () => {
    answers["/out.yaml"] = text("a: 1");
    await expect(read("/out.yaml")).rejects.toMatchObject({ code: "forbidden" });
    expect(asked).toEqual([]);
    expect(await read("/out.yaml", "agent")).toEqual({ a: 1 });
  });

  it.each([400, 401, 403, 404, 410])(
    "answered by %i is refused for good, without content",
    async (status) => {
      answers["/in/t.yaml"] = text("secret", status);
      const failure = await read("/in/t.yaml").catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(PermanentError);
      expect(failure).toMatchObject({
        code: "template",
        message: `template ${here}/in/t.yaml cannot be read: the server answers ${status}`,
      });
    },
  );

  it.each([408, 425, 429, 500, 503])("answered by %i is tried again", async (status) => {
    answers["/in/t.yaml"] = text("secret", status);
    const failure = await read("/in/t.yaml").catch((error: unknown) => error);
    expect(failure).not.toBeInstanceOf(PermanentError);
    expect(failure).toMatchObject({ message: expect.stringContaining(`answers ${status}`) });
  });

  it("without a server is tried again, and the reason is told", async () => {
    await new Promise((resolve) => server.close(resolve));
    const failure = await read("/in/t.yaml?token=secret").catch((error: unknown) => error);
    expect(failure).not.toBeInstanceOf(PermanentError);
    expect(failure).toMatchObject({
      message: expect.stringMatching(/cannot be fetched: .*ECONNREFUSED/),
    });
    expect(String(failure)).not.toContain("secret");
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });

  it("that does not come, or breaks off, is tried again", async () => {
    answers["/in/silent"] = () => undefined;
    answers["/in/slow"] = (response) => response.writeHead(200).write("a: 1");
    answers["/in/broken"] = (response) => {
      response.writeHead(200, { "content-length": "100" }).write("a: 1");
      setImmediate(() => response.destroy());
    };
    for (const path of ["/in/silent", "/in/slow", "/in/broken"]) {
      const failure = await read(path, "message", path === "/in/broken" ? 10_000 : 50).catch(
        (error: unknown) => error,
      );
      expect(failure).toBeInstanceOf(Error);
      expect(failure).not.toBeInstanceOf(PermanentError);
      expect(failure).toMatchObject({ message: expect.stringContaining("cannot be fetched") });
    }
  });

  it("that is far too large is cut off and refused", async () => {
    const cutOff = new Promise<boolean>((resolve) => {
      answers["/in/large"] = (response) => {
        response.on("close", () => resolve(!response.writableFinished));
        response.writeHead(200).end(Buffer.alloc(64 * 1_048_576, "x"));
      };
    });
    await expect(read("/in/large")).rejects.toThrow(/is larger than 1048576 bytes/);
    expect(await cutOff).toBe(true);
  });

  it("is read where a redirect inside the fence leads", async () => {
    answers["/in/a"] = redirect("b?x=1");
    answers["/in/b"] = redirect(`${here}/in/c`);
    answers["/in/c"] = text("found: true");
    expect(await read("/in/a")).toEqual({ found: true });
    expect(asked).toEqual(["/in/a", "/in/b?x=1", "/in/c"]);
  });

  it.each([
    "/out",
    "/in/../out",
    "//other.example/in/t",
    "https://other.example/in/t",
    "file:///etc/passwd",
  ])("is not read where a redirect leads out, to %s", async (location) => {
    answers["/in/a"] = redirect(location);
    answers["/out"] = text("found: true");
    await expect(read("/in/a")).rejects.toMatchObject({
      code: "forbidden",
      message: expect.stringContaining(`${here}/in/a`),
    });
    expect(asked).toEqual(["/in/a"]);
  });

  it("of the agent is followed on its own host and into the fence, not elsewhere", async () => {
    answers["/a"] = redirect("/b");
    answers["/b"] = redirect("/in/c");
    answers["/in/c"] = text("found: true");
    expect(await read("/a", "agent")).toEqual({ found: true });
    answers["/b"] = redirect("http://other.example/");
    await expect(read("/a", "agent")).rejects.toMatchObject({ code: "forbidden" });
  });

  it("that redirects in a circle is refused", async () => {
    answers["/in/a"] = redirect("/in/a");
    await expect(read("/in/a")).rejects.toMatchObject({
      code: "template",
      message: expect.stringContaining("redirects more than 5 times"),
    });
    expect(asked).toHaveLength(6);
  });

  it("that redirects nowhere is refused", async () => {
    answers["/in/a"] = (response) => response.writeHead(302).end();
    await expect(read("/in/a")).rejects.toThrow(/the server answers 302/);
  });
});
