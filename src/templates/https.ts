import { messageOf, PermanentError } from "../errors.ts";
import { type TemplateAddress, templateAddress } from "./address.ts";
import { isFenced } from "./fence.ts";
import { type FamilyReader, MAX_TEMPLATE_BYTES, outside, type ReadRequest } from "./reader.ts";

/** What the web is read with. */
export interface HttpsReaderOptions {
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** How long one template may take, redirects included, in milliseconds. Default: 10,000. */
  readonly timeoutMs?: number;
}

const MAX_REDIRECTS = 5;

/**
 * Reads templates by GET from `https://` and `http://`.
 *
 * A redirect is followed to the same scheme and host, and to what lies below one of the entries; one of an
 * address that came in a message only to the latter. Answers of 408, 425, 429 and 500 upwards mean: again.
 */
export function httpsReader({ fetch, timeoutMs = 10_000 }: HttpsReaderOptions): FamilyReader {
  const get = async (address: TemplateAddress, signal: AbortSignal) => {
    try {
      const url = `${address.scheme}://${address.host}${address.path}${address.query}`;
      return await fetch(url, { redirect: "manual", signal });
    } catch (cause) {
      // What fetch throws names neither the address nor, but in its cause, the reason.
      throw unreachable(address, cause);
    }
  };
  return {
    async read(request) {
      const signal = AbortSignal.timeout(timeoutMs);
      let address = request.address;
      for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
        const response = await get(address, signal);
        const location = redirectOf(response);
        if (location === undefined) return await bodyOf(response, address);
        await response.body?.cancel();
        address = follow(location, address, request);
      }
      throw new PermanentError(
        "template",
        `template ${request.address.shown} redirects more than ${MAX_REDIRECTS} times`,
      );
    },
  };
}

function redirectOf({ status, headers }: Response): string | undefined {
  return status >= 300 && status < 400 ? (headers.get("location") ?? undefined) : undefined;
}

function follow(
  location: string,
  from: TemplateAddress,
  { source, entries, address }: ReadRequest,
): TemplateAddress {
  const url = URL.parse(location, `${from.scheme}://${from.host}${from.path}`);
  const next = url === null ? undefined : webAddress(url.href);
  const stays = next?.scheme === address.scheme && next.host === address.host;
  if (next === undefined || !(isFenced(next, entries) || (source === "agent" && stays))) {
    throw outside(address);
  }
  return next;
}

function webAddress(href: string): TemplateAddress | undefined {
  return /^https?:/.test(href) ? templateAddress(href, "/") : undefined;
}

async function bodyOf(response: Response, address: TemplateAddress): Promise<Uint8Array> {
  const { status, body } = response;
  if (!response.ok) {
    await body?.cancel();
    const message = `template ${address.shown} cannot be read: the server answers ${status}`;
    if (status >= 500 || [408, 425, 429].includes(status)) throw new Error(message);
    throw new PermanentError("template", message);
  }
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of body ?? []) {
      chunks.push(chunk);
      length += chunk.byteLength;
      if (length > MAX_TEMPLATE_BYTES) break;
    }
  } catch (cause) {
    throw unreachable(address, cause);
  }
  return Buffer.concat(chunks, Math.min(length, MAX_TEMPLATE_BYTES + 1));
}

function unreachable({ shown }: TemplateAddress, cause: unknown): Error {
  const reason = cause instanceof Error && cause.cause !== undefined ? cause.cause : cause;
  return new Error(`template ${shown} cannot be fetched: ${messageOf(reason)}`, { cause });
}
