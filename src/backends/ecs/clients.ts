import type { World } from "../../backend.ts";

/** The services an ECS agent calls, as their endpoint variables name them. */
export type Service = "ECS" | "EC2" | "CLOUDWATCH_LOGS";

/** How every client of this backend is made. */
export interface ClientSettings {
  readonly region: string;
  readonly maxAttempts: number;
  readonly requestHandler: {
    readonly connectionTimeout: number;
    readonly requestTimeout: number;
    readonly throwOnRequestTimeout: boolean;
  };
  readonly endpoint?: string;
  readonly credentials?: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  };
}

/**
 * Settings of a client. A call is tried three times in all, for at most 30 seconds each. Endpoints follow
 * `AWS_ENDPOINT_URL_<SERVICE>` and `AWS_ENDPOINT_URL`, credentials the SDK's default chain.
 */
export function clientSettings(
  env: World["env"],
  service: Service,
  region: string,
): ClientSettings {
  const endpoint = env[`AWS_ENDPOINT_URL_${service}`] || env["AWS_ENDPOINT_URL"];
  const credentials = credentialsOf(env);
  return {
    region,
    maxAttempts: 3,
    requestHandler: {
      connectionTimeout: 5_000,
      requestTimeout: 30_000,
      throwOnRequestTimeout: true,
    },
    ...(endpoint ? { endpoint } : {}),
    ...(credentials === undefined ? {} : { credentials }),
  };
}

/** Keys of the environment; a profile, or nothing at all, is left to the SDK. */
function credentialsOf(env: World["env"]): ClientSettings["credentials"] {
  const accessKeyId = env["AWS_ACCESS_KEY_ID"];
  const secretAccessKey = env["AWS_SECRET_ACCESS_KEY"];
  const sessionToken = env["AWS_SESSION_TOKEN"];
  if (!accessKeyId || !secretAccessKey || env["AWS_PROFILE"]) return undefined;
  return { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) };
}

/** Makes something once for each region, when it is first asked for. */
export function perRegion<T>(make: (region: string) => Promise<T>): (region: string) => Promise<T> {
  const made = new Map<string, Promise<T>>();
  return (region) => {
    const known = made.get(region);
    if (known !== undefined) return known;
    const fresh = make(region);
    made.set(region, fresh);
    fresh.catch(() => made.delete(region));
    return fresh;
  };
}
