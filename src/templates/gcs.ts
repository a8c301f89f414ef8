import {
  CREDENTIALS_ADVICE,
  CredentialsError,
  type GoogleToken,
  googleIdentity,
  withToken,
} from "../credentials/google.ts";
import { messageOf, PermanentError } from "../errors.ts";
import type { TemplateAddress } from "./address.ts";
import { type CachedTemplate, templateCache } from "./cache.ts";
import { notAllowed, notThere, type ObjectAddress, objectOf, tooLarge } from "./objects.ts";
import { type FamilyReader, MAX_TEMPLATE_BYTES } from "./reader.ts";

/** How Cloud Storage is reached. */
export interface GcsReaderOptions {
  /**
   * Address of its JSON API. One that begins with http:// is not sent the credentials of this process.
   * Default: https://storage.googleapis.com.
   */
  readonly endpoint?: string;
  /**
   * Who reads. Default: who Google's library, which is loaded with the first call, finds this process to
   * be.
   */
  readonly identity?: Identity;
  /** How long one template may take, in milliseconds, with the token it is asked for with. Default: 10,000. */
  readonly timeoutMs?: number;
}

/** Gives access tokens, and is told of one that was not accepted. */
interface Identity {
  token(): Promise<Token>;
  forget(token: Token): void;
}

type Token = Pick<GoogleToken, "token">;

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
  const plainText = endpoint.startsWith("http://");
  const identity = options.identity ?? (plainText ? undefined : googleIdentity({ scope: SCOPE }));
  return {
    async read({ address }) {
      const object = objectOf(address);
      const known = cache.get(address.shown);
      try {
        const signal = AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS);
        const response = await fetchAs(identity, urlOf(object, known, endpoint), signal);
        if (known !== undefined && response.status === 304) return known.bytes;
        if (!response.ok) throw await failure(response, address, object);
        const bytes = await bytesOf(response, address);
        const mark = response.headers.get("x-goog-generation");
        if (mark !== null) cache.put(address.shown, { mark, bytes });
        return bytes;
      } catch (error) {
        throw explained(error, address);
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

/** Asks once more, with credentials that were looked for again, where those it had are not accepted. */
async function fetchAs(
  identity: Identity | undefined,
  url: string,
  signal: AbortSignal,
): Promise<Response> {
  if (identity === undefined) return fetch(url, { signal });
  const first = await fetchOnceAs(identity, url, signal);
  if (first.status !== 401) return first;
  await first.body?.cancel();
  return fetchOnceAs(identity, url, signal);
}

async function fetchOnceAs(
  identity: Identity,
  url: string,
  signal: AbortSignal,
): Promise<Response> {
  const token = await withToken(signal, () => identity.token());
  const headers = { authorization: `Bearer ${token.token}` };
  const response = await fetch(url, { headers, signal });
  if (response.status === 401) identity.forget(token);
  return response;
}

async function failure(
  { status, body }: Response,
  address: TemplateAddress,
  object: ObjectAddress,
): Promise<Error> {
  await body?.cancel();
  if (status === 404) return notThere(address, object);
  if (status === 401) {
    return new PermanentError(
      "rejected",
      `template ${address.shown} cannot be read: Cloud Storage does not accept the credentials of this process; ${CREDENTIALS_ADVICE}`,
    );
  }
  if (status === 403) return notAllowed(address, object, { right: "storage.objects.get on it" });
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

/** Says of every failure which template it is about. */
function explained(error: unknown, { shown }: TemplateAddress): unknown {
  if (error instanceof CredentialsError) {
    const message = `template ${shown} cannot be read: ${error.message}`;
    return error.lasting
      ? new PermanentError("rejected", message, { cause: error })
      : new Error(message, { cause: error });
  }
  if (!isNetwork(error)) return error;
  const reason = messageOf(error.cause ?? error);
  return new Error(`template ${shown} cannot be fetched: ${reason}`, { cause: error });
}

/** What fetch and its bodies throw: a TypeError that hides the reason in its cause, or the end of the time. */
function isNetwork(error: unknown): error is Error {
  return (
    error instanceof TypeError || (error instanceof DOMException && error.name === "TimeoutError")
  );
}
