import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { readersOnThisMachine } from "../../src/embedded/readers.ts";
import { testAgent } from "../contracts/request.ts";
import { type AnswerServer, answerServer } from "../fakes/answers.ts";

/** Parameter Store, Secrets Manager and S3, as far as one value of each. */
let aws: AnswerServer;
beforeEach(async () => {
  vi.stubEnv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "secret");
  aws = await answerServer(({ headers, url }, response) => {
    const operation = String(headers["x-amz-target"]).split(".").at(-1);
    if (operation === "GetParameter") {
      response.end(JSON.stringify({ Parameter: { Value: "of the Parameter Store" } }));
    } else if (operation === "GetSecretValue") {
      response.end(JSON.stringify({ SecretString: "of Secrets Manager" }));
    } else {
      response.end(url.startsWith("/bucket/job.yaml") ? "cpu: 512" : "");
    }
  });
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await aws[Symbol.asyncDispose]();
});

const readers = (env: Readonly<Record<string, string>>) =>
  readersOnThisMachine({ env, cwd: "/srv", now: () => new Date() });
const regionAsked = () => /\/\d{8}\/([^/]+)\//.exec(aws.asked[0]?.headers.authorization ?? "")?.[1];

describe("a process on a machine of its own", () => {
  it("reads secrets from its environment", async () => {
    const { secret } = readers({ TOKEN: "here" });
    expect(await secret("env:TOKEN")).toBe("here");
    await expect(secret("env:OTHER")).rejects.toMatchObject({
      code: "invalid",
      message: expect.stringContaining("env:OTHER"),
    });
  });

  it("reads secrets from AWS, in the region of its environment", async () => {
    const { secret } = readers({ AWS_DEFAULT_REGION: "eu-west-3", AWS_ENDPOINT_URL: aws.endpoint });
    expect(await secret("ssm:/prod/key")).toBe("of the Parameter Store");
    expect(await secret("secretsmanager:key")).toBe("of Secrets Manager");
    expect(regionAsked()).toBe("eu-west-3");
  });

  it("reads templates from S3, where its variable for S3 says", async () => {
    const { readTemplate } = readers({
      AWS_REGION: "eu-west-1",
      AWS_ENDPOINT_URL: "http://127.0.0.1:1",
      AWS_ENDPOINT_URL_S3: aws.endpoint,
    });
    const agent = testAgent({ templates: ["s3://bucket/"] });
    expect(await readTemplate("s3://bucket/job.yaml", agent, "message")).toEqual({ cpu: 512 });
    expect(regionAsked()).toBe("eu-west-1");
  });
});
