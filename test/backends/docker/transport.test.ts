import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { dockerApi } from "../../../src/backends/docker/api.ts";
import {
  EngineError,
  pullFailureOf,
  UnreachableError,
} from "../../../src/backends/docker/errors.ts";
import { openTransport } from "../../../src/backends/docker/transport.ts";

const signal = new AbortController().signal;
const opened: (() => void)[] = [];
afterEach(() => {
  for (const close of opened.splice(0)) close();
});

/** An engine on a socket that answers every call in one way. */
async function engine(answer: RequestListener) {
  const folder = mkdtempSync(join(tmpdir(), "sluice-docker-"));
  const socketPath = join(folder, "docker.sock");
  const server: Server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  opened.push(() => {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  });
  return dockerApi(openTransport({ socketPath }, 5));
}

describe("a call of the engine", () => {
  it("goes to the socket of the agent, whatever the process has in DOCKER_HOST", async () => {
    const before = process.env;
    process.env = { ...before, DOCKER_HOST: "tcp://192.0.2.1:2376", DOCKER_TLS_VERIFY: "1" };
    try {
      const api = await engine((_, response) => response.end('{"Version":"24.0.7"}'));
      expect(await api.version(signal)).toBe("24.0.7");
    } finally {
      process.env = before;
    }
  });

  it("fails with the engine's own words", async () => {
    const api = await engine((_, response) => {
      response.writeHead(500).end('{"message":"no space left on device"}');
    });
    const error = await thrownBy(api.version(signal));
    expect(error).toBeInstanceOf(EngineError);
    expect(error).toMatchObject({ status: 500, message: "no space left on device" });
    const streamed = await thrownBy(drain(api.logs("x", {}, signal)));
    expect(streamed).toMatchObject({ status: 500, message: "no space left on device" });
  });

  it("fails with words that are no JSON, too", async () => {
    const api = await engine((_, response) =>
      response.writeHead(502).end("bad gateway - try later"),
    );
    expect(await thrownBy(api.version(signal))).toMatchObject({
      status: 502,
      message: "bad gateway - try later",
    });
  });

  it("is told from one that never reached an engine", async () => {
    const api = dockerApi(openTransport({ socketPath: "/no/such/docker.sock" }, 5));
    const error = await thrownBy(api.version(signal));
    expect(error).toBeInstanceOf(UnreachableError);
    expect(error).toMatchObject({
      message: expect.stringContaining("unix:///no/such/docker.sock cannot be reached (ENOENT)"),
    });
  });

  it("is broken off when its answer comes to a halt", async () => {
    const api = await engine((_, response) => {
      response.writeHead(200);
      response.write('{"Version"');
      over.abort(new Error("enough"));
    });
    const over = new AbortController();
    await expect(api.version(over.signal)).rejects.toThrow("enough");
  });

  it("is not even made if it is broken off before", async () => {
    let calls = 0;
    const api = await engine((_, response) => {
      calls += 1;
      response.end("{}");
    });
    await expect(api.start("x", AbortSignal.abort(new Error("too late")))).rejects.toThrow(
      "too late",
    );
    await expect(
      drain(api.logs("x", {}, AbortSignal.abort(new Error("too late")))),
    ).rejects.toThrow("too late");
    expect(calls).toBe(0);
  });

  it("ends with its stream when that is broken off", async () => {
    const over = new AbortController();
    const api = await engine((_, response) => {
      response.writeHead(200);
      response.write("first\n");
    });
    const lines: string[] = [];
    const reading = (async () => {
      for await (const line of api.events({}, over.signal)) {
        lines.push(line);
        over.abort(new Error("enough"));
      }
    })();
    await expect(reading).rejects.toThrow("enough");
    expect(lines).toEqual(["first"]);
  });

  it("keeps characters whole that come in two pieces", async () => {
    const [first, second] = [Buffer.from("ü\n").subarray(0, 1), Buffer.from("ü\n").subarray(1)];
    const api = await engine((_, response) => {
      response.write(first);
      setImmediate(() => response.end(Buffer.concat([second, Buffer.from("last")])));
    });
    const lines: string[] = [];
    for await (const line of api.events({}, signal)) lines.push(line);
    expect(lines).toEqual(["ü", "last"]);
  });

  it("cannot leave its place by what it is called with", async () => {
    const paths: string[] = [];
    const api = await engine(({ url }, response) => {
      paths.push(String(url));
      response.end("{}");
    });
    await api.hasImage("../containers/x?all=1#", signal);
    await api.connect("a/../b?c", "x", signal);
    await api.inspect("../version");
    expect(paths).toEqual([
      "/images/..%2Fcontainers%2Fx%3Fall%3D1%23/json",
      "/networks/a%2F..%2Fb%3Fc/connect",
      "/containers/..%2Fversion/json",
    ]);
  });
});

describe("an image that was not pulled", () => {
  it.each([
    ["manifest for etl:9 not found: manifest unknown", "image"],
    [
      "pull access denied for etl, repository does not exist or may require 'docker login'",
      "image",
    ],
    [
      'Get "https://reg.example/v2/": dial tcp: lookup reg.example on 10.0.0.2:53: no such host',
      "image",
    ],
    ["unauthorized: authentication required", "image"],
    ["invalid reference format", "image"],
    ["toomanyrequests: You have reached your pull rate limit.", "throttled"],
    ["received unexpected HTTP status: 503 Service Unavailable", "unavailable"],
    [
      "net/http: request canceled while waiting for connection (Client.Timeout exceeded)",
      "unavailable",
    ],
    ["read tcp 10.0.0.3:1->10.0.0.4:443: read: connection reset by peer", "unavailable"],
    ["lookup reg.example: Temporary failure in name resolution", "unavailable"],
    ["unexpected EOF", "unavailable"],
  ])("because of %s is %s", (words, failure) => {
    expect(pullFailureOf(words)).toBe(failure);
  });
});

async function thrownBy(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

async function drain(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of stream);
}
