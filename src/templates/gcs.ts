import { messageOf } from "../errors.ts";
import type { TemplateAddress } from "./address.ts";
import { type CachedTemplate, templateCache } from "./cache.ts";
import { notAllowed, notThere, type ObjectAddress, objectOf, tooLarge } from "./objects.ts";
import { type FamilyReader, MAX_TEMPLATE_BYTES } from "./reader.ts";

/** How Cloud Storage is reached. */
export interface GcsReaderOptions {
  /**
   * Address of its JSON API. No credentials are sent to one that begins with http://, but for a `token`
   * that is given. Default: https://storage.googleapis.com.
   */
  readonly endpoint?: string;
  /**
   * An access token. Default: of the credentials Google's library finds by itself, which is loaded with
   * the first call; it keeps a token until it is about to end.
   */
  readonly token?: () => Promise<string>;
  /** How long one template may take, in milliseconds. Default: 10,000. */
  readonly timeoutMs?: number;
}

const ENDPOINT = "https://storage.googleapis.com";
const TIMEOUT_MS = 10_000;
const SCOPE = "https://www.googleapis.com/auth/devstorage.read_only";

/** How Cloud Storage is reached from an environment: STORAGE_EMULATOR_HOST is Google's variable for it. */
export function gcsOptions(env: Readonly<Record<string, string>>): GcsReaderOptions {
  const host = env["STORAGE_EMULATOR_HOST"];
  if (!host) return {};
  return { endpoint: (/^https?:/.test(host) ? host : `http://${host}`).replace(/\/+$/, "") };
}

/**
 * Reads templates from buckets of Google Cloud Storage. What was read before is fetched again only if its
 * generation has changed; what is too large is not fetched, or no further than to its limit. Answers of
 * 408, 429 and 500 upwards mean: again.
 */
export function gcsReader(options: GcsReaderOptions = {}): FamilyReader {
  const cache = templateCache();
  const { endpoint = ENDPOINT } = options;
  const token = options.token ?? (endpoint.startsWith("http://") ? undefined : googleToken());
  return {
    async read({ address }) {
      const object = objectOf(address);
      const known = cache.get(address.shown);
      try {
        const response = await fetch(urlOf(object, known, endpoint), {
          headers: token === undefined ? {} : { authorization: `Bearer ${await token()}` },
          signal: AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS),
        });
        if (known !== undefined && response.status === 304) return known.bytes;
        if (!response.ok) throw await failure(response, address, object);
        const bytes = await bytesOf(response, address);
        const mark = response.headers.get("x-goog-generation");
        if (mark !== null) cache.put(address.shown, { mark, bytes });
        return bytes;
      } catch (error) {
        throw isNetwork(error) ? unreachable(address, error) : error;
      }
    },
  };
}

function urlOf(
  { bucket, key }: ObjectAddress,
  known: CachedTemplate | undefined,
  endpoint: string,
): string {
  const [inBucket, name] = [encodeURIComponent(bucket), encodeURIComponent(key)];
  const changed = known === undefined ? "" : `&ifGenerationNotMatch=${known.mark}`;
  return `${endpoint}/storage/v1/b/${inBucket}/o/${name}?alt=media${changed}`;
}

/** Asks again after a failure: credentials may come later, and a machine's own may be slow. */
function googleToken(): () => Promise<string> {
  let auth: Promise<{ getAccessToken(): Promise<string | null | undefined> }> | undefined;
  return async () => {
    auth ??= import("../google/library.ts").then(
      ({ GoogleAuth }) => new GoogleAuth({ scopes: SCOPE }),
    );
    try {
      const token = await (await auth).getAccessToken();
      if (typeof token === "string") return token;
      throw new Error("no access token was given");
    } catch (error) {
      auth = undefined;
      throw new Error(`Google's credentials of this process cannot be used: ${messageOf(error)}`, {
        cause: error,
      });
    }
  };
}

async function failure(
  { status, body }: Response,
  address: TemplateAddress,
  object: ObjectAddress,
): Promise<Error> {
  await body?.cancel();
  if (status === 404) return notThere(address, object);
  if (status === 401 || status === 403) {
    return notAllowed(address, object, "storage.objects.get on it");
  }
  return new Error(`template ${address.shown} cannot be fetched: Cloud Storage answers ${status}`);
}

async function bytesOf({ body, headers }: Response, address: TemplateAddress): Promise<Uint8Array> {
  if (Number(headers.get("content-length")) > MAX_TEMPLATE_BYTES) {
    await body?.cancel();
    throw tooLarge(address);
  }
  const chunks: Uint8Array[] = [];
  let length = 0;
  // An object that is stored compressed is longer than it says.
  for await (const chunk of body ?? []) {
    chunks.push(chunk);
    length += chunk.byteLength;
    if (length > MAX_TEMPLATE_BYTES) throw tooLarge(address);
  }
  return Buffer.concat(chunks);
}

/** What fetch and its bodies throw: a TypeError that hides the reason in its cause, or the end of the time. */
function isNetwork(error: unknown): error is Error {
  return (
    error instanceof TypeError || (error instanceof DOMException && error.name === "TimeoutError")
  );
}

function unreachable({ shown }: TemplateAddress, error: Error): Error {
  const reason = messageOf(error.cause ?? error);
  return new Error(`template ${shown} cannot be fetched: ${reason}`, { cause: error });
}
