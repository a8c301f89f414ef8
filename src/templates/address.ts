import { PermanentError } from "../errors.ts";

/** An address taken apart, its path as written. */
export interface AddressParts {
  /** In lower case; `file` where there is none, and for `local`. */
  readonly scheme: string;
  /** What follows `//`: a bucket, a host. Empty if there is none. */
  readonly host: string;
  readonly path: string;
}

/** Where a template is, made plain: an address that means the same place is the same. */
export interface TemplateAddress extends AddressParts {
  /** Which reader reads it. */
  readonly family: TemplateFamily;
  /** As errors and logs name it: without credentials and without query. */
  readonly shown: string;
  /** Query of a web address, with its question mark. */
  readonly query: string;
}

/** What reads the addresses of a scheme. */
export type TemplateFamily = "agent" | "s3" | "gcs" | "https";

/**
 * The address of a template, normalised: a path of the machine becomes absolute, from `cwd` on, and its
 * host is ignored; the key of an object loses leading slashes; a web address is what a browser makes of it.
 *
 * Throws `PermanentError` ("template") for a scheme nobody reads, credentials in an address, and
 * characters no address has.
 */
export function templateAddress(uri: string, cwd: string): TemplateAddress {
  const parts = splitAddress(uri);
  const make = SCHEMES.get(parts.scheme);
  if (make !== undefined) return make({ parts, uri, cwd });
  throw new PermanentError(
    "template",
    `a template's address has the scheme ${parts.scheme}; expected a path or one of ${[...SCHEMES.keys()].join(", ")}`,
  );
}

/**
 * Takes an address apart as Prefect does, which is how Python's `urlparse` does it: query and fragment are
 * cut off whatever the scheme, so they cannot be part of a file's name; `;parameters` of the last part
 * without a scheme and on the web.
 */
export function splitAddress(uri: string): AddressParts {
  const [, given = ""] = /^([a-zA-Z][a-zA-Z0-9+.-]*):/.exec(uri) ?? [];
  const scheme = given.toLowerCase();
  const rest = given === "" ? uri : uri.slice(given.length + 1);
  const [, host = "", tail = ""] = /^(?:\/\/([^/?#]*))?([^?#]*)/.exec(rest) ?? [];
  const path = ["", "http", "https", "ftp"].includes(scheme) ? tail.replace(/;[^/]*$/, "") : tail;
  return { scheme: scheme === "" || scheme === "local" ? "file" : scheme, host, path };
}

interface Given {
  readonly parts: AddressParts;
  readonly uri: string;
  readonly cwd: string;
}

const SCHEMES: ReadonlyMap<string, (given: Given) => TemplateAddress> = new Map([
  ["file", machineAddress],
  ["agent", machineAddress],
  ["s3", (given: Given) => objectAddress(given, "s3")],
  ["gcs", (given: Given) => objectAddress(given, "gcs")],
  ["gs", (given: Given) => objectAddress(given, "gcs")],
  ["http", webAddress],
  ["https", webAddress],
]);

function machineAddress({ parts: { scheme, path }, cwd }: Given): TemplateAddress {
  const absolute = resolveDots(path.startsWith("/") ? path : `${cwd}/${path}`);
  return { family: "agent", scheme, host: "", path: absolute, query: "", shown: absolute };
}

function objectAddress({ parts }: Given, family: "s3" | "gcs"): TemplateAddress {
  const { host } = parts;
  const path = `/${parts.path.replace(/^\/+/, "")}`;
  return { family, scheme: family, host, path, query: "", shown: `${family}://${host}${path}` };
}

function webAddress({ uri }: Given): TemplateAddress {
  const url = URL.parse(uri);
  if (url === null || url.username !== "" || url.password !== "") {
    throw new PermanentError(
      "template",
      `a template's web address is not of the form https://host/path${url === null ? "" : ": it holds credentials"}`,
    );
  }
  const { protocol, host, pathname: path, search: query } = url;
  const shown = `${protocol}//${host}${path}`;
  return { family: "https", scheme: protocol.slice(0, -1), host, path, query, shown };
}

/** An absolute path without `.`, `..` and empty parts. */
function resolveDots(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}
