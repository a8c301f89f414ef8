import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readTemplateInLambda } from "../../src/templates/lambda.ts";
import { testAgent } from "../contracts/request.ts";
import { answerServer } from "../fakes/answers.ts";

let folder: string;
let files: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-lambda-"));
  files = join(folder, "files");
  mkdirSync(join(files, "etc/sluice"), { recursive: true });
  mkdirSync(join(files, "etc/other"), { recursive: true });
  writeFileSync(join(files, "etc/sluice/t.yaml"), "cpu: 1024");
  writeFileSync(join(files, "etc/other/t.yaml"), "cpu: 2048");
  writeFileSync(join(folder, "secret.yaml"), "password: hidden");
  symlinkSync(join(folder, "secret.yaml"), join(files, "etc/sluice/out.yaml"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const agent = testAgent({ templates: ["agent:///etc/sluice"] });
const reader = (gcs?: { endpoint: string; token: () => Promise<string> }) =>
  readTemplateInLambda({
    files,
    s3: { region: "eu-west-1" },
    ...(gcs === undefined ? {} : { gcs }),
  });

describe("templates in a function", () => {
  it.each(["agent:///etc/sluice/t.yaml", "/etc/sluice/t.yaml", "etc/sluice/t.yaml"])(
    "are read from the packaged files: %s",
    async (uri) => {
      expect(await reader()(uri, agent, "message")).toStrictEqual({ cpu: 1024 });
    },
  );

  it("are not read from the function's own machine", async () => {
    const path = join(folder, "secret.yaml");

    await expect(reader()(path, agent, "agent")).rejects.toMatchObject({ code: "template" });
    await expect(reader()(`/etc/sluice/../..${path}`, agent, "agent")).rejects.toMatchObject({
      code: "template",
    });
    await expect(reader()("/../secret.yaml", agent, "agent")).rejects.toMatchObject({
      code: "template",
    });
  });

  it.each(["/etc/other/t.yaml", "/etc/sluice/../other/t.yaml", "/etc/sluice/out.yaml"])(
    "are not a message's to name outside the fence: %s",
    async (uri) => {
      await expect(reader()(uri, agent, "message")).rejects.toMatchObject({ code: "forbidden" });
    },
  );

  it("name the agent's path, not the function's, when they are not there", async () => {
    const error = await reader()("/etc/sluice/none.yaml", agent, "message").catch(
      (thrown: unknown) => thrown,
    );

    expect(error).toMatchObject({
      code: "template",
      message: expect.stringContaining("template /etc/sluice/none.yaml cannot be read"),
    });
  });

  it("are read from Cloud Storage and the web too", async () => {
    await using server = await answerServer((_, response) => response.writeHead(200).end("a: 1"));
    const read = reader({ endpoint: server.endpoint, token: async () => "token" });

    expect(await read("gs://bucket/t", agent, "agent")).toStrictEqual({ a: 1 });
    expect(await read(`${server.endpoint}/t`, agent, "agent")).toStrictEqual({ a: 1 });
  });
});
