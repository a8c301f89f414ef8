import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { packageGoogleCredentials } from "../../scripts/google-credentials.ts";
import { googleCredentials } from "../../src/backends/vertex/credentials.ts";
import { vertexBackend } from "../../src/backends/vertex/index.ts";
import { runOf, vertexAgent } from "../backends/vertex/world.ts";
import { launchRequest } from "../contracts/request.ts";
import { answerServer } from "../fakes/answers.ts";
import { fakeVertex } from "../fakes/vertex.ts";
import { serveRest } from "../fakes/vertex-server.ts";
import { testWorld } from "../fakes/world.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-google-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function packaged(content: string): string {
  const file = join(folder, "federation.json");
  writeFileSync(file, content);
  return packageGoogleCredentials(file, folder);
}

describe("what makes functions known to Google", () => {
  test.each([
    ["a key", JSON.stringify({ type: "service_account", private_key: "SECRET" })],
    [
      "credentials of a person",
      JSON.stringify({ type: "authorized_user", client_secret: "SECRET" }),
    ],
    ["something else", "SECRET"],
    ["a list", "[]"],
  ])("is not packaged if it is %s, and nothing of it is shown", (_, content) => {
    expect(() => packaged(content)).toThrow(
      expect.objectContaining({
        code: "invalid",
        message: expect.stringMatching(/^(?!.*SECRET).*federation\.json.*create-cred-config/s),
      }),
    );
  });

  test("is a file that can be read", () => {
    expect(() => packageGoogleCredentials(join(folder, "none.json"), folder)).toThrow(/none\.json/);
  });
});

/** Google's token service and its service for service accounts, which record what they are asked. */
function fakeGoogle() {
  return answerServer(({ url }, response) => {
    const answer = url.startsWith("/v1/token")
      ? {
          access_token: "federated",
          issued_token_type: "urn:ietf:params:oauth:token-type:access_token",
          token_type: "Bearer",
          expires_in: 3_600,
        }
      : {
          accessToken: "of the service account",
          expireTime: new Date(Date.now() + 3_600_000).toISOString(),
        };
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
  });
}

/** What gcloud writes with `--aws --service-account`, on these services. */
function federation(google: string): string {
  return JSON.stringify({
    universe_domain: "googleapis.com",
    type: "external_account",
    audience:
      "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/sluice/providers/functions",
    subject_token_type: "urn:ietf:params:aws:token-type:aws4_request",
    service_account_impersonation_url: `${google}/v1/projects/-/serviceAccounts/sluice@my-project.iam.gserviceaccount.com:generateAccessToken`,
    token_url: `${google}/v1/token`,
    credential_source: {
      environment_id: "aws1",
      region_url: "http://169.254.169.254/latest/meta-data/placement/availability-zone",
      url: "http://169.254.169.254/latest/meta-data/iam/security-credentials",
      regional_cred_verification_url:
        "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15",
    },
  });
}

describe("a function with a packaged configuration", () => {
  const before = { ...process.env };
  afterEach(() => {
    for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
    Object.assign(process.env, before);
  });

  test("launches as the service account, with its own role and without a key", async () => {
    await using google = await fakeGoogle();
    const service = fakeVertex();
    const vertex = await serveRest(service);
    // As Lambda runs a function: a path from the root of the package, and the role in the environment.
    const env = {
      GOOGLE_APPLICATION_CREDENTIALS: relative(
        process.cwd(),
        packaged(federation(google.endpoint)),
      ),
      AWS_REGION: "eu-west-1",
      AWS_ACCESS_KEY_ID: "ASIAEXAMPLE",
      AWS_SECRET_ACCESS_KEY: "secret-of-the-function",
      AWS_SESSION_TOKEN: "session-of-the-function",
    };
    Object.assign(process.env, env);
    const agent = vertexAgent({ api_endpoint: `http://127.0.0.1:${vertex.port}` });
    const backend = vertexBackend(agent, testWorld({ env }), { credentials: googleCredentials });

    const plan = await backend.plan(launchRequest(runOf("runs")));
    const key = { runId: "run-1", launch: 1, target: plan.target };
    const answer = await backend.launch(plan, key, new AbortController().signal);

    expect(answer).toMatchObject({ type: "launched" });
    expect(service.authorizations.at(-1)).toBe("Bearer of the service account");
    const [exchange, impersonation, ...others] = google.asked;
    expect(others).toEqual([]);
    const subject = decodeURIComponent(
      new URLSearchParams(exchange?.body).get("subject_token") ?? "",
    );
    // The question about itself that Google passes on to STS, signed for the provider alone.
    expect(subject).toMatch(/sts\.eu-west-1\.amazonaws\.com.*GetCallerIdentity/s);
    expect(subject).toMatch(/x-goog-cloud-target-resource.*providers\/functions/s);
    expect(JSON.stringify(google.asked)).not.toContain("secret-of-the-function");
    expect(impersonation).toMatchObject({
      url: "/v1/projects/-/serviceAccounts/sluice@my-project.iam.gserviceaccount.com:generateAccessToken",
      headers: { authorization: "Bearer federated" },
    });
    await vertex.close();
  });
});
