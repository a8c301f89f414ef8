import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CredentialsError, googleIdentity, withToken } from "../../src/credentials/google.ts";
import {
  EXPIRED,
  federation,
  type GoogleProcess,
  googleProcess,
  silentTokenService,
  token,
  tokenService,
} from "../fakes/google-tokens.ts";

const scope = "https://www.googleapis.com/auth/devstorage.read_only";

let here: GoogleProcess;
beforeEach(async () => {
  here = await googleProcess();
  here.asFunction();
});
afterEach(() => here[Symbol.asyncDispose]());

const failureOf = (work: Promise<unknown>) => work.catch((thrown: unknown) => thrown);

describe("who a process is to Google", () => {
  it("is found out without asking for a project", async () => {
    await using tokens = await tokenService(token("federated"));
    await here.use(federation(tokens.url));
    const identity = googleIdentity({ scope });

    await identity.find();
    expect(tokens.asked).toEqual([]);
    expect(await identity.token()).toMatchObject({ token: "federated" });
    expect(tokens.asked.map(({ method, url }) => `${method} ${url}`)).toEqual(["POST /v1/token"]);
    expect(tokens.forms[0]?.get("scope")).toBe(scope);
  });

  it("stays the same while its token is valid", async () => {
    await using tokens = await tokenService(token("one"), token("two"));
    await here.use(federation(tokens.url));
    const identity = googleIdentity({ scope });

    expect(await identity.token()).toEqual(await identity.token());
    expect(tokens.asked).toHaveLength(1);
  });

  it("is looked for again at once when Google takes it no more", async () => {
    await using first = await tokenService(token("first", 1), EXPIRED);
    await using second = await tokenService(token("second"));
    await here.use(federation(first.url));
    const identity = googleIdentity({ scope });

    expect(await identity.token()).toMatchObject({ token: "first" });
    await here.use(federation(second.url));
    const all = await Promise.all([1, 2, 3].map(() => identity.token()));

    expect(new Set(all.map((given) => given.token))).toEqual(new Set(["second"]));
    expect([first.asked.length, second.asked.length]).toEqual([2, 1]);
  });

  it("is looked for again once only", async () => {
    await using tokens = await tokenService(token("first", 1), EXPIRED);
    await here.use(federation(tokens.url));
    const identity = googleIdentity({ scope });

    await identity.token();
    expect(await failureOf(identity.token())).toMatchObject({ lasting: true });
    expect(tokens.asked).toHaveLength(3);
  });

  it.each([EXPIRED, [403, { error: "unauthorized_client" }]] as const)(
    "is not looked for again at once when it never was accepted",
    async (...answer) => {
      await using tokens = await tokenService(answer);
      await here.use(federation(tokens.url));

      const error = await failureOf(googleIdentity({ scope }).token());
      expect(error).toMatchObject({ lasting: true });
      expect(tokens.asked).toHaveLength(1);
    },
  );

  it("is not looked for again at once when the token service is away", async () => {
    await using away = await tokenService(token("first", 1));
    await using other = await tokenService(token("second"));
    await here.use(federation(away.url));
    const identity = googleIdentity({ scope });

    await identity.token();
    await away[Symbol.asyncDispose]();
    await here.use(federation(other.url));
    expect(await failureOf(identity.token())).toMatchObject({ lasting: false });
    expect(other.asked).toEqual([]);
  });

  it("is forgotten with its token, but not what has taken its place", async () => {
    await using tokens = await tokenService(token("one"), token("two"));
    await here.use(federation(tokens.url));
    const identity = googleIdentity({ scope });

    const one = await identity.token();
    identity.forget(one);
    expect(await identity.token()).toMatchObject({ token: "two" });
    identity.forget(one);
    expect(await identity.token()).toMatchObject({ token: "two" });
    expect(tokens.asked).toHaveLength(2);
  });

  it("is asked for anew when the token service does not answer", async () => {
    await using silent = await silentTokenService();
    await using tokens = await tokenService(token("later"));
    await here.use(federation(silent.url));
    const identity = googleIdentity({ scope, patienceMs: 100 });

    const error = await failureOf(identity.token());
    expect(error).toBeInstanceOf(CredentialsError);
    expect(error).toMatchObject({
      lasting: false,
      message: expect.stringMatching(/gives no token .*no answer within 0.1 seconds/) as string,
    });
    await here.use(federation(tokens.url));
    expect(await identity.token()).toMatchObject({ token: "later" });
  });
});

describe("work that needs a token", () => {
  it("comes to what it comes to, and fails as it fails", async () => {
    const { signal } = new AbortController();
    expect(await withToken(signal, async () => 1)).toBe(1);
    await expect(withToken(signal, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  });

  it("is not waited for after its signal, nor begun", async () => {
    const controller = new AbortController();
    const waiting = failureOf(withToken(controller.signal, () => new Promise(() => undefined)));
    controller.abort();
    const begun: string[] = [];
    const late = failureOf(withToken(controller.signal, async () => begun.push("begun")));
    for (const error of [await waiting, await late]) {
      expect(error).toBeInstanceOf(CredentialsError);
      expect(error).toMatchObject({ lasting: false });
    }
    expect(begun).toEqual([]);
  });
});
