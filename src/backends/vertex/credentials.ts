import type { AuthClient } from "google-auth-library";
import { messageOf, PermanentError } from "../../errors.ts";

/** Who a process is to Google. */
export interface Credentials {
  /** What signs requests. Throws `NotReadyError` if there is nothing. */
  client(): Promise<AuthClient>;
  /** Makes sure of a valid token; asks Google only when the last one is about to end. */
  refresh(): Promise<void>;
  /** The project the credentials belong to. Throws `PermanentError` ("invalid") if they name none. */
  projectId(): Promise<string>;
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
  let known: Promise<Found> | undefined;
  const found = (): Promise<Found> => {
    known ??= find(project).catch((error: unknown) => {
      known = undefined;
      throw error;
    });
    return known;
  };
  return {
    client: async () => (await found()).client,
    async refresh() {
      const { client } = await found();
      try {
        await client.getAccessToken();
      } catch (error) {
        known = undefined;
        throw new NotReadyError(
          `Google does not accept the credentials of this process: ${messageOf(error)}`,
          { cause: error },
        );
      }
    },
    projectId: async () => ambientProject(),
  };
}

/** No credentials at all, as emulators want it. */
export function noCredentials(): Credentials {
  return {
    async client() {
      const { PassThroughClient } = await import("google-auth-library");
      return new PassThroughClient();
    },
    refresh: async () => undefined,
    projectId: async () => {
      throw noProject("none are used with an API address that begins with http://");
    },
  };
}

interface Found {
  readonly client: AuthClient;
}

async function find(projectId: string | undefined): Promise<Found> {
  const { GoogleAuth } = await import("google-auth-library");
  try {
    const options = { scopes: SCOPE, ...(projectId === undefined ? {} : { projectId }) };
    return { client: await new GoogleAuth(options).getClient() };
  } catch (error) {
    throw new NotReadyError(`this process has no Google Cloud credentials: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

async function ambientProject(): Promise<string> {
  const { GoogleAuth } = await import("google-auth-library");
  try {
    return await new GoogleAuth({ scopes: SCOPE }).getProjectId();
  } catch (error) {
    throw noProject(messageOf(error).split("\n", 1)[0] ?? "");
  }
}

function noProject(reason: string): PermanentError {
  return new PermanentError(
    "invalid",
    `the agent names no Google Cloud project and the credentials of this process name none (${reason}): set project in sluice.yml`,
    { issues: [{ path: "agent.project", message: "expected a project, got nothing" }] },
  );
}
