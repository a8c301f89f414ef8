import type { AuthClient, OAuth2Client } from "google-auth-library";
import { type GoogleToken, googleIdentity } from "../../credentials/google.ts";
import { messageOf, PermanentError } from "../../errors.ts";

/** Who a process is to Vertex AI. */
export interface Credentials {
  /**
   * What signs requests, with a token that is valid now and without a way to fetch another: a failure to
   * get one shows here and never looks like an answer of Vertex AI. The same client as before unless
   * credentials had to be looked for again.
   *
   * Throws `CredentialsError` if there are none, or they are not accepted.
   */
  ready(): Promise<AuthClient>;
  /** Looks whether there are credentials, asking Google for nothing. Throws `CredentialsError` if not. */
  find(): Promise<unknown>;
  /** Called when Vertex AI does not accept what signs requests, of which this is one. */
  forget(signer: AuthClient): void;
  /** The project the credentials belong to. Throws `PermanentError` ("invalid") for the agent if they name none. */
  projectId(agent: string): Promise<string>;
}

const SCOPE = "https://www.googleapis.com/auth/cloud-platform";

/** The credentials Google's libraries find by themselves. */
export function googleCredentials(): Credentials {
  const identity = googleIdentity({ scope: SCOPE });
  let signing: { readonly source: AuthClient; readonly signer: Promise<OAuth2Client> } | undefined;
  let last: { readonly signer: AuthClient; readonly token: GoogleToken } | undefined;
  let ambient: Promise<string> | undefined;
  return {
    async ready() {
      const token = await identity.token();
      const { source } = token;
      if (signing?.source !== source) signing = { source, signer: signerFor(source) };
      const signer = await signing.signer;
      signer.setCredentials({ access_token: token.token });
      last = { signer, token };
      return signer;
    },
    find: identity.find,
    forget(signer) {
      if (last?.signer === signer) identity.forget(last.token);
    },
    async projectId(agent) {
      try {
        ambient ??= ambientProject();
        return await ambient;
      } catch (error) {
        ambient = undefined;
        throw noProject(agent, messageOf(error).split("\n", 1)[0] ?? "");
      }
    },
  };
}

/** No credentials at all, as emulators want it. */
export function noCredentials(): Credentials {
  let client: Promise<AuthClient> | undefined;
  return {
    ready: () => {
      client ??= import("google-auth-library").then(
        ({ PassThroughClient }) => new PassThroughClient(),
      );
      return client;
    },
    find: async () => undefined,
    forget: () => undefined,
    projectId: async (agent) => {
      throw noProject(agent, "none are used with an API address that begins with http://");
    },
  };
}

async function signerFor({ universeDomain, quotaProjectId }: AuthClient): Promise<OAuth2Client> {
  const { OAuth2Client: Signer } = await import("google-auth-library");
  return new Signer({
    universeDomain,
    ...(quotaProjectId === undefined ? {} : { quotaProjectId }),
  });
}

async function ambientProject(): Promise<string> {
  const { GoogleAuth } = await import("google-auth-library");
  return await new GoogleAuth({ scopes: SCOPE }).getProjectId();
}

function noProject(agent: string, reason: string): PermanentError {
  return new PermanentError(
    "invalid",
    `the agent ${agent} names no Google Cloud project and the credentials of this process name none (${reason}): set project in sluice.yml`,
    { issues: [{ path: "agent.project", message: "expected a project, got nothing" }] },
  );
}
