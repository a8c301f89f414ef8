import { PermanentError } from "../errors.ts";
import type { TemplateAddress } from "./address.ts";
import { MAX_TEMPLATE_BYTES } from "./reader.ts";

/** An object in a bucket. */
export interface ObjectAddress {
  readonly bucket: string;
  readonly key: string;
}

/** The object an address names. Throws `PermanentError` ("template") if bucket or key is left out. */
export function objectOf({ host: bucket, path, shown, scheme }: TemplateAddress): ObjectAddress {
  const key = path.slice(1);
  if (bucket !== "" && key !== "") return { bucket, key };
  throw new PermanentError(
    "template",
    `template ${shown} names no object: expected ${scheme}://bucket/key`,
  );
}

/** The error of an object that is not there. */
export function notThere(
  { shown }: TemplateAddress,
  { bucket, key }: ObjectAddress,
  cause?: unknown,
): PermanentError {
  return new PermanentError(
    "template",
    `template ${shown} cannot be read: there is no object ${key} in a bucket ${bucket}; create it, or name another`,
    { cause },
  );
}

/** The error of an object that may not be read. Clouds answer so too if it is not there. */
export function notAllowed(
  { shown }: TemplateAddress,
  { bucket, key }: ObjectAddress,
  { right, cause }: { readonly right: string; readonly cause?: unknown },
): PermanentError {
  return new PermanentError(
    "forbidden",
    `template ${shown} cannot be read: access to object ${key} in bucket ${bucket} is denied, or it is not there; grant ${right}`,
    { cause },
  );
}

/** The error of an object that is not even fetched. */
export function tooLarge({ shown }: TemplateAddress): PermanentError {
  return new PermanentError(
    "template",
    `template ${shown} is larger than ${MAX_TEMPLATE_BYTES} bytes`,
  );
}
