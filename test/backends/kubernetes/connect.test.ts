import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { World } from "../../../src/backend.ts";
import { type Connection, connect } from "../../../src/backends/kubernetes/connect.ts";
import { eksToken } from "../../../src/backends/kubernetes/eks.ts";
import {
  AccessError,
  connectionError,
  NotSentError,
} from "../../../src/backends/kubernetes/errors.ts";
import { PermanentError } from "../../../src/errors.ts";
import { thrownBy } from "../../contracts/backend-steps.ts";
import { kubeconfigFor } from "../../fakes/kubernetes.ts";
import { testWorld } from "../../fakes/world.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "sluice-kubernetes-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const whole = path.join(folder, name);
  mkdirSync(path.dirname(whole), { recursive: true });
  writeFileSync(whole, text);
  return whole;
}

function program(line: string): string {
  const whole = file("program", `#!/bin/sh\n${line}\n`);
  chmodSync(whole, 0o755);
  return whole;
}

function pod(): string {
  file("pod/token", "token-of-the-pod");
  file("pod/ca.crt", "a certificate");
  return path.join(folder, "pod");
}

const IN_POD = { KUBERNETES_SERVICE_HOST: "10.96.0.1", KUBERNETES_SERVICE_PORT: "443" };

async function headerOf(connection: Connection): Promise<string | undefined> {
  const request = new connection.client.RequestContext(connection.server, "GET");
  await connection.authenticate(request);
  return request.getHeaders()["Authorization"];
}

function connectIn(
  settings: Parameters<typeof connect>[0],
  world: Partial<World>,
  account = path.join(folder, "none"),
): Promise<Connection> {
  return connect(settings, testWorld({ cwd: folder, ...world }), account);
}

describe("the cluster of an agent", () => {
  it("is the one of the kubeconfig it names, below the directory of the process", async () => {
    file("conf/a", kubeconfigFor("http://a", "token-a"));
    const connection = await connectIn({ kubeconfig: "conf/a" }, { env: IN_POD }, pod());
    expect(connection.server).toBe("http://a");
    expect(await headerOf(connection)).toBe("Bearer token-a");
  });

  it("may be in a kubeconfig that is a secret", async () => {
    const secret = async (reference: string) => kubeconfigFor(`http://${reference.slice(4)}/`);
    const connection = await connectIn({ kubeconfig: { secret: "ssm:there" } }, { secret });
    expect(connection.server).toBe("http://there");
  });

  it("is that of the pod before any kubeconfig of the environment", async () => {
    const env = { ...IN_POD, KUBECONFIG: file("a", kubeconfigFor("http://a")) };
    const connection = await connectIn({}, { env }, pod());
    expect(connection.server).toBe("https://10.96.0.1:443");
    expect(await headerOf(connection)).toBe("Bearer token-of-the-pod");
    const six = { ...env, KUBERNETES_SERVICE_HOST: "fd00::1" };
    expect((await connectIn({}, { env: six }, pod())).server).toBe("https://[fd00::1]:443");
  });

  it("is that of a context in several files, the first of which wins", async () => {
    const other = kubeconfigFor("http://b").replaceAll("fake", "other").replaceAll("sluice", "two");
    const env = {
      ...IN_POD,
      KUBECONFIG: [file("a", kubeconfigFor("http://a")), file("b", other)].join(path.delimiter),
    };
    expect((await connectIn({ context: "other" }, { env }, pod())).server).toBe("http://b");
    expect((await connectIn({}, { env })).server).toBe("http://a");
  });

  it("is that of those files that are there, of several", async () => {
    const KUBECONFIG = ["/no/a", file("b", kubeconfigFor("http://b"))].join(path.delimiter);
    expect((await connectIn({}, { env: { KUBECONFIG } })).server).toBe("http://b");
  });

  it("is unknown for good where its secret is, and for now where nobody can read that", async () => {
    const kubeconfig = { secret: "ssm:there" };
    const gone = new PermanentError("invalid", "there is no parameter there");
    const withError = (error: Error) => {
      const secret = async () => {
        throw error;
      };
      return thrownBy(() => connectIn({ kubeconfig }, { secret }));
    };
    expect(await withError(gone)).toBeInstanceOf(AccessError);
    const late = await withError(new Error("no answer"));
    expect(late).toBeInstanceOf(NotSentError);
    expect(String(late)).toContain("the kubeconfig in ssm:there cannot be read: no answer");
  });

  it("is that of the home directory at last", async () => {
    file(".kube/config", kubeconfigFor("http://home"));
    expect((await connectIn({}, { env: { HOME: folder } })).server).toBe("http://home");
  });

  it.each([
    ["there is none at all", {}, {}, /no cluster is known/],
    [
      "the kubeconfig is missing",
      { kubeconfig: "gone" },
      {},
      /the kubeconfig .*gone cannot be used: ENOENT/,
    ],
    ["the kubeconfig is no YAML", { kubeconfig: "bad" }, {}, /the kubeconfig .*bad cannot be used/],
    ["it is empty", { kubeconfig: "empty" }, {}, /empty cannot be used/],
    [
      "the context is unknown",
      { kubeconfig: "good", context: "prod" },
      {},
      /no context prod .* it has fake/,
    ],
    ["its address is none", { kubeconfig: "odd" }, {}, /no address that can be used/],
    [
      "all files of KUBECONFIG are missing",
      {},
      { KUBECONFIG: ["/no/a", "/no/b"].join(path.delimiter) },
      /the kubeconfig \/no\/a cannot be used: ENOENT/,
    ],
  ])("is unknown, which is told, if %s", async (_, settings, env, message) => {
    file("bad", "a: [b");
    file("empty", "");
    file("good", kubeconfigFor("http://a"));
    file("odd", kubeconfigFor("somewhere"));
    const connecting = connectIn(settings, { env });
    await expect(connecting).rejects.toBeInstanceOf(AccessError);
    await expect(connectIn(settings, { env })).rejects.toThrow(message);
  });

  it("says what is wrong with credentials without telling them", async () => {
    file("bad", 'users: [{name: a, user: {token: "hush"}}]\nclusters: {{\n');
    const error = await connectIn({ kubeconfig: "bad" }, {}).catch(String);
    expect(error).not.toContain("hush");
  });

  it.each([
    [
      "that is not there",
      "/no/such/program",
      AccessError,
      /ENOENT.*; the kubeconfig asks this program/,
    ],
    [
      "that says no",
      "echo the session has expired >&2; exit 3",
      AccessError,
      /session has expired$/,
    ],
    ["that answers nonsense", "echo hello", AccessError, /no credentials/],
    [
      "that cannot reach its server",
      "echo Could not connect >&2; exit 1",
      NotSentError,
      /connect$/,
    ],
  ])("takes no credentials from a program %s", async (_, command, kind, message) => {
    const script = command.startsWith("/") ? command : program(command);
    const exec = { apiVersion: "client.authentication.k8s.io/v1", command: script };
    const config = JSON.parse(kubeconfigFor("http://a")) as { users: object[] };
    config.users = [{ name: "sluice", user: { exec } }];
    file("a", JSON.stringify(config));
    const connection = await connectIn({ kubeconfig: "a" }, {});
    const thrown = await thrownBy(() => headerOf(connection));
    expect(thrown).toBeInstanceOf(kind);
    expect((thrown as Error).message).toMatch(message);
  });

  it("keeps its connections, and makes new ones after a while", async () => {
    file("a", kubeconfigFor("http://a"));
    let now = Date.parse("2026-11-21T12:00:00Z");
    const connection = await connectIn({ kubeconfig: "a" }, { now: () => new Date(now) });
    const dispatcher = async () => {
      const request = new connection.client.RequestContext("http://a", "GET");
      await connection.authenticate(request);
      return request.getDispatcher();
    };
    const first = await dispatcher();
    expect(await dispatcher()).toBe(first);
    now += 6 * 60_000;
    expect(await dispatcher()).not.toBe(first);
  });
});

describe("a cluster on EKS", () => {
  const env = {
    AWS_ACCESS_KEY_ID: "AKIDEXAMPLE",
    AWS_SECRET_ACCESS_KEY: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    AWS_REGION: "eu-central-1",
  };
  const args = [
    "--region",
    "eu-west-1",
    "eks",
    "get-token",
    "--cluster-name",
    "etl",
    "--output",
    "json",
  ];

  async function headerFor(exec: object, environment: Record<string, string>) {
    const config = JSON.parse(kubeconfigFor("http://a")) as { users: object[] };
    config.users = [{ name: "sluice", user: { exec } }];
    file("a", JSON.stringify(config));
    return headerOf(await connectIn({ kubeconfig: "a" }, { env: environment }));
  }

  it("needs no program for its tokens where the environment has keys", async () => {
    const header = await headerFor({ command: "/usr/local/bin/aws", args }, env);
    const address = addressIn(header?.replace("Bearer ", "") ?? "");
    expect(address.host).toBe("sts.eu-west-1.amazonaws.com");
    expect(address.searchParams.get("X-Amz-Date")).toBe("20261121T120000Z");
  });

  it("leaves roles and profiles to the program", async () => {
    const command = file("aws", "#!/bin/sh\nexit 3\n");
    const assumed = [...args, "--role-arn", "arn:aws:iam::1:role/x"];
    await expect(headerFor({ command, args: assumed }, env)).rejects.toBeInstanceOf(AccessError);
  });

  it.each([["AWS_PROFILE"], ["AWS_ACCESS_KEY_ID"], ["AWS_ROLE_ARN"], ["AWS_CONFIG_FILE"]])(
    "leaves it to the program if its kubeconfig sets %s",
    async (name) => {
      const command = file("aws", "#!/bin/sh\nexit 3\n");
      const exec = { command, args, env: [{ name, value: "other" }] };
      await expect(headerFor(exec, env)).rejects.toBeInstanceOf(AccessError);
    },
  );

  it("takes the region its kubeconfig sets for the program", async () => {
    const regionless = ["eks", "get-token", "--cluster-name", "etl"];
    const own = [{ name: "AWS_REGION", value: "us-east-2" }];
    const header = await headerFor({ command: "aws", args: regionless, env: own }, env);
    const address = addressIn(header?.replace("Bearer ", "") ?? "");
    expect(address.host).toBe("sts.us-east-2.amazonaws.com");
  });

  it("asks the program where nobody names a region or a cluster", async () => {
    const command = file("aws", "#!/bin/sh\nexit 3\n");
    const { AWS_REGION: _, ...keys } = env;
    const regionless = ["eks", "get-token", "--cluster-name", "etl"];
    await expect(headerFor({ command, args: regionless }, keys)).rejects.toBeInstanceOf(
      AccessError,
    );
    const nameless = ["eks", "get-token"];
    await expect(headerFor({ command, args: nameless }, env)).rejects.toBeInstanceOf(AccessError);
  });

  it("asks the program where the environment has no keys", async () => {
    const command = file("aws", "#!/bin/sh\nexit 3\n");
    await expect(headerFor({ command, args }, {})).rejects.toBeInstanceOf(AccessError);
  });
});

describe("a token for EKS", () => {
  const parts = {
    cluster: "my-cluster",
    accessKeyId: "AKIDEXAMPLE",
    secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
  };
  const now = new Date("2026-11-21T12:00:00.123Z");
  const sessionToken = "tok/en+with=odd chars'()*";

  // The signatures are those of AWS's own signer for the same request.
  it.each([
    [
      { region: "eu-central-1" },
      "da0be0f64dea0b2f6ce5d5c06612e80854036f03e0adb923545c511b9089d828",
    ],
    [{ region: "cn-north-1" }, "d0507433d2d441a4f13aee16d546fb26cc46a87461a6a6d46a99316e9e8e57cd"],
    [
      { region: "eu-central-1", sessionToken },
      "3977621fe1055e5af6130bbf9ab24dc86b049017075300110d4bdede4af6af0c",
    ],
  ])("is signed as AWS signs, %o", (more, signature) => {
    const address = addressIn(eksToken({ ...parts, ...more }, now));
    expect(address.searchParams.get("X-Amz-Signature")).toBe(signature);
    expect(address.searchParams.get("X-Amz-Security-Token")).toBe(
      "sessionToken" in more ? sessionToken : null,
    );
  });
});

function addressIn(token: string): URL {
  const [version, ...rest] = token.split(".");
  expect(version).toBe("k8s-aws-v1");
  return new URL(Buffer.from(rest.join("."), "base64url").toString());
}

describe("a request without an answer", () => {
  const failed = (code: string) =>
    new TypeError("fetch failed", {
      cause: Object.assign(new Error(`${code} happened`), { code }),
    });

  it.each(["ECONNREFUSED", "ENOTFOUND", "UND_ERR_CONNECT_TIMEOUT", "CERT_HAS_EXPIRED"])(
    "was never sent after %s",
    (code) => {
      const error = connectionError("https://a", failed(code));
      expect(error).toBeInstanceOf(NotSentError);
      expect(String(error)).toContain(
        `the Kubernetes API at https://a gave no answer: ${code} happened`,
      );
    },
  );

  it.each(["ECONNRESET", "UND_ERR_SOCKET", "UND_ERR_HEADERS_TIMEOUT", "EPIPE"])(
    "may have been sent after %s",
    (code) => {
      expect(connectionError("https://a", failed(code))).not.toBeInstanceOf(NotSentError);
    },
  );

  it("was never sent where all addresses refused", () => {
    const each = Object.assign(new Error("refused"), { code: "ECONNREFUSED" });
    const cause = new AggregateError([each, each], "");
    expect(connectionError("a", new TypeError("fetch failed", { cause }))).toBeInstanceOf(
      NotSentError,
    );
  });

  it("stays aborted", () => {
    const aborted = new DOMException("stop", "AbortError");
    expect(connectionError("a", aborted)).toBe(aborted);
  });
});
