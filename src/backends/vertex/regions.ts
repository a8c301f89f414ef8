import { type Connection, connect, type VertexApi } from "./api.ts";
import { type Credentials, googleCredentials, noCredentials } from "./credentials.ts";
import { regionOf } from "./job.ts";
import type { VertexAgentOptions } from "./options.ts";

/** The API of the region of a parent; each region has an address of its own. */
export type ApiFor = (parent: string) => VertexApi;

/** Opens the API of each region when it is first asked for. */
export function regionalApis(
  { api_endpoint: endpoint, transport }: VertexAgentOptions,
  shared: Pick<Connection, "credentials" | "clientOptions" | "closing">,
): ApiFor {
  const apis = new Map<string, VertexApi>();
  return (parent) => {
    const region = regionOf(parent);
    const api =
      apis.get(region) ?? connect({ ...shared, transport, ...addressOf(endpoint, region) });
    apis.set(region, api);
    return api;
  };
}

/** Google's credentials, but none where they would be sent in plain text. */
export function credentialsFor({ api_endpoint: endpoint }: VertexAgentOptions): Credentials {
  return isPlainText(endpoint) ? noCredentials() : googleCredentials();
}

function isPlainText(endpoint: string | undefined): boolean {
  return endpoint?.startsWith("http://") ?? false;
}

/** Where the API of a region listens. */
export function addressOf(endpoint: string | undefined, region: string) {
  if (endpoint === undefined)
    return { host: `${region}-aiplatform.googleapis.com`, insecure: false };
  const url = new URL(/^https?:/.test(endpoint) ? endpoint : `https://${endpoint}`);
  return {
    host: url.hostname,
    ...(url.port === "" ? {} : { port: Number(url.port) }),
    insecure: isPlainText(endpoint),
  };
}
