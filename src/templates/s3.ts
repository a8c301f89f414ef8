import { Readable } from "node:stream";
import type * as S3 from "@aws-sdk/client-s3";
import type { GetObjectCommandOutput, S3Client, S3ClientConfig } from "@aws-sdk/client-s3";
import { hasNoCredentials, withoutCredentials } from "../credentials/aws.ts";
import { READING } from "../credentials/aws-reading.ts";
import { messageOf, PermanentError } from "../errors.ts";
import type { TemplateAddress } from "./address.ts";
import { templateCache } from "./cache.ts";
import { notAllowed, notThere, type ObjectAddress, objectOf, tooLarge } from "./objects.ts";
import { type FamilyReader, MAX_TEMPLATE_BYTES } from "./reader.ts";

/** How S3 is reached. */
export interface S3ReaderOptions {
  /**
   * Settings of the SDK's client: region, endpoint, credentials. Buckets of other regions are found. A
   * call is tried three times in all, for at most ten seconds each, unless they say otherwise.
   */
  readonly client: S3ClientConfig;
}

/**
 * Reads templates from buckets of S3. What was read before is fetched again only if its ETag has changed;
 * what is too large is not fetched at all.
 */
export function s3Reader({ client: config }: S3ReaderOptions): FamilyReader {
  const cache = templateCache();
  let loaded: Promise<Sdk> | undefined;
  return {
    async read({ address }) {
      const object = objectOf(address);
      const { sdk, client } = await (loaded ??= loadSdk(config));
      const known = cache.get(address.shown);
      const input = {
        Bucket: object.bucket,
        Key: object.key,
        ...(known === undefined ? {} : { IfNoneMatch: known.mark }),
      };
      try {
        const answer = await client.send(new sdk.GetObjectCommand(input));
        const bytes = await bytesOf(answer, address);
        if (answer.ETag !== undefined) cache.put(address.shown, { mark: answer.ETag, bytes });
        return bytes;
      } catch (error) {
        // The SDK takes "not modified" for a failure.
        if (known !== undefined && statusOf(error) === 304) return known.bytes;
        throw failure(error, address, object);
      }
    },
  };
}

interface Sdk {
  readonly sdk: typeof S3;
  readonly client: S3Client;
}

async function loadSdk(config: S3ClientConfig): Promise<Sdk> {
  const sdk = await import("@aws-sdk/client-s3");
  const client = new sdk.S3Client({
    followRegionRedirects: true,
    ...READING,
    ...config,
  });
  return { sdk, client };
}

async function bytesOf(
  { Body, ContentLength = 0 }: GetObjectCommandOutput,
  address: TemplateAddress,
): Promise<Uint8Array> {
  if (Body === undefined) return new Uint8Array();
  if (ContentLength <= MAX_TEMPLATE_BYTES) return await Body.transformToByteArray();
  // Left unread, the body would keep its connection busy.
  if (Body instanceof Readable) Body.destroy();
  throw tooLarge(address);
}

function failure(error: unknown, address: TemplateAddress, object: ObjectAddress): unknown {
  if (hasNoCredentials(error)) {
    return withoutCredentials(`template ${address.shown} cannot be read`, error);
  }
  const status = statusOf(error);
  if (status === 404) return notThere(address, object, error);
  if (status === 403)
    return notAllowed(address, object, { right: "s3:GetObject on it", cause: error });
  // It names the template already.
  if (error instanceof PermanentError) return error;
  return new Error(`template ${address.shown} cannot be fetched: ${reasonOf(error)}`, {
    cause: error,
  });
}

/** A connection tried at several addresses fails without words, but with a code. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return messageOf(error);
  const { code } = error as { readonly code?: string };
  const name = error.name === "Error" ? "" : `${error.name}: `;
  return `${name}${error.message || code}`;
}

/** The status of an answer of S3; undefined for what is not one. */
function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("$metadata" in error)) return undefined;
  return (error.$metadata as { readonly httpStatusCode?: number }).httpStatusCode;
}
