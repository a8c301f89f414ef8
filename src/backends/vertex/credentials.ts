import type { AuthClient, OAuth2Client } from "google-auth-library";
import { messageOf, PermanentError } from "../../errors.ts";

/** Who a process is to Google. */
export interface Credentials {
  /**
   * What signs requests, with a token that is valid now and without a way to fetch another: a failure to
   * get one shows here and never looks like an answer of Vertex AI. Google is asked for a token only when
   * the last is about to end. The same client as before unless credentials had to be looked for again.
   *
   * Throws `NotReadyError` if there are none, or they are not accepted.
   */
  ready(): Promise<AuthClient>;
  /** The project the credentials belong to. Throws `PermanentError` ("invalid") for the agent if they name none. */
  projectId(agent: string): Promise<string>;
}

/**
 * Vertex AI was not asked: there are no credentials, Google does not accept them any more, or its client
 * does not get along with them.
 */
export class NotReadyError extends Error {
  override readonly name = "NotReadyError";
}

const SCOPE = "https://www.googleapis.com/auth/cloud-platform";

/**
 * The credentials Google's libraries find by themselves: the file named by GOOGLE_APPLICATION_CREDENTIALS
 * (a key, or the configuration of a workload identity federation), gcloud's own, or the machine's.
 * Looked for at the first use, and again after each failure. Google's library asks around for a project
 * unless it is told one.
 */
export function googleCredentials(project?: string): Credentials {
  const identity = remembered(() => findIdentity(project));
  const ambient = remembered(ambientProject);
  return {
    async ready() {
      const { source, signer } = await identity.get();
      try {
        const { token } = await source.getAccessToken();
        if (!token) throw new Error("no token came");
        signer.setCredentials({ access_token: token });
        return signer;
      } catch (error) {
        identity.forget();
        throw new NotReadyError(
          `Google does not accept the credentials of this process: ${messageOf(error)}`,
          { cause: error },
        );
      }
    },
    async projectId(agent) {
      try {
        return await ambient.get();
      } catch (error) {
        throw noProject(agent, messageOf(error).split("\n", 1)[0] ?? "");
      }
    },
  };
}

/** No credentials at all, as emulators want it. */
export function noCredentials(): Credentials {
  return {
    ready: remembered(async () => {
      const { PassThroughClient } = await import("../../google/library.ts");
      return new PassThroughClient();
    }).get,
    projectId: async (agent) => {
      throw noProject(agent, "none are used with an API address that begins with http://");
    },
  };
}

/** Keeps what was found once, but for a failure. */
function remembered<T>(find: () => Promise<T>) {
  let known: Promise<T> | undefined;
  const forget = () => {
    known = undefined;
  };
  const get = (): Promise<T> => {
    known ??= find().catch((error: unknown) => {
      forget();
      throw error;
    });
    return known;
  };
  return { get, forget };
}

/** Where tokens come from, and what carries the current one. */
interface Identity {
  readonly source: AuthClient;
  readonly signer: OAuth2Client;
}

async function findIdentity(projectId: string | undefined): Promise<Identity> {
  const { GoogleAuth, OAuth2Client: Signer } = await import("../../google/library.ts");
  try {
    const options = { scopes: SCOPE, ...(projectId === undefined ? {} : { projectId }) };
    const source = await new GoogleAuth(options).getClient();
    const { universeDomain, quotaProjectId } = source;
    const signer = new Signer({
      universeDomain,
      ...(quotaProjectId === undefined ? {} : { quotaProjectId }),
    });
    return { source, signer };
  } catch (error) {
    throw new NotReadyError(`this process has no Google Cloud credentials: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

async function ambientProject(): Promise<string> {
  const { GoogleAuth } = await import("../../google/library.ts");
  return await new GoogleAuth({ scopes: SCOPE }).getProjectId();
}

function noProject(agent: string, reason: string): PermanentError {
  return new PermanentError(
    "invalid",
    `the agent ${agent} names no Google Cloud project and the credentials of this process name none (${reason}): set project in sluice.yml`,
    { issues: [{ path: "agent.project", message: "expected a project, got nothing" }] },
  );
}
