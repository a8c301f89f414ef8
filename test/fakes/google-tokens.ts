import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JsonObject } from "../../src/json.ts";
import { type AnswerServer, answerServer } from "./answers.ts";

/** What a service of Google's answers with. */
export type Answer = readonly [status: number, content: JsonObject];

/** Google's token service and whatever else its library may ask, on this machine. */
export interface TokenService extends AnswerServer {
  /** Where tokens are exchanged. */
  readonly url: string;
  /** What came at the token service, as it reads it. */
  readonly forms: readonly URLSearchParams[];
}

/** Starts a token service that gives its answers one after the other, and the last one again and again. */
export async function tokenService(...answers: readonly Answer[]): Promise<TokenService> {
  let given = 0;
  const server = await answerServer((_asked, response) => {
    const [status, content] = answers[given++] ?? answers.at(-1) ?? [500, {}];
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(content));
  });
  return withForms(server);
}

/** Starts a token service that answers nobody. */
export async function silentTokenService(): Promise<TokenService> {
  return withForms(await answerServer(() => undefined));
}

function withForms(server: AnswerServer): TokenService {
  return {
    ...server,
    url: `${server.endpoint}/v1/token`,
    get forms() {
      return server.asked.map(({ body }) => new URLSearchParams(body));
    },
  };
}

/** The answer of a token service that gives a token. */
export function token(text: string, seconds = 3_600): Answer {
  const kind = "urn:ietf:params:oauth:token-type:access_token";
  const answer = { access_token: text, issued_token_type: kind, token_type: "Bearer" };
  return [200, { ...answer, expires_in: seconds }];
}

/** The answer of one that accepts the credentials no more. */
export const EXPIRED: Answer = [
  400,
  { error: "invalid_grant", error_description: "The token of the pool has expired." },
];

/** What `gcloud iam workload-identity-pools create-cred-config --aws` writes. */
export function federation(tokenUrl: string): JsonObject {
  return {
    universe_domain: "googleapis.com",
    type: "external_account",
    audience:
      "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/aws/providers/sluice",
    subject_token_type: "urn:ietf:params:aws:token-type:aws4_request",
    token_url: tokenUrl,
    cloud_resource_manager_url: new URL("/v1/projects/", tokenUrl).href,
    credential_source: {
      environment_id: "aws1",
      region_url: "http://169.254.169.254/latest/meta-data/placement/availability-zone",
      url: "http://169.254.169.254/latest/meta-data/iam/security-credentials",
      regional_cred_verification_url:
        "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15",
    },
  };
}

/** Google's libraries read the variables of the process; each test gives it its own. */
const NAMES = [
  "GOOGLE_APPLICATION_CREDENTIALS",
  "GOOGLE_CLOUD_PROJECT",
  "GCLOUD_PROJECT",
  "AWS_REGION",
  "AWS_ACCESS_KEY_ID",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SESSION_TOKEN",
] as const;

/** What of this process tells Google's library who it is; put back when it is disposed of. */
export interface GoogleProcess extends AsyncDisposable {
  /** The file that `GOOGLE_APPLICATION_CREDENTIALS` names once it is written. */
  readonly file: string;
  /** Writes the file, and names it. */
  use(content: JsonObject | string): Promise<void>;
  /** Gives the process the role of a function. */
  asFunction(): void;
}

/** Takes from this process whatever tells Google's library who it is. */
export async function googleProcess(): Promise<GoogleProcess> {
  const folder = await mkdtemp(join(tmpdir(), "sluice-google-"));
  const before = new Map(NAMES.map((name) => [name, process.env[name]]));
  for (const name of NAMES) delete process.env[name];
  const file = join(folder, "credentials.json");
  return {
    file,
    async use(content) {
      await writeFile(file, typeof content === "string" ? content : JSON.stringify(content));
      process.env["GOOGLE_APPLICATION_CREDENTIALS"] = file;
    },
    asFunction() {
      process.env["AWS_REGION"] = "eu-west-1";
      process.env["AWS_ACCESS_KEY_ID"] = "AKIDEXAMPLE";
      process.env["AWS_SECRET_ACCESS_KEY"] = "secret-of-the-function";
      process.env["AWS_SESSION_TOKEN"] = "session";
    },
    async [Symbol.asyncDispose]() {
      for (const [name, value] of before) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
      await rm(folder, { recursive: true });
    },
  };
}
