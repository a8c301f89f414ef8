import { type TemplateAddress, templateAddress } from "./address.ts";

/**
 * Whether an address lies below one of the entries, each a prefix such as `s3://bucket/prefix/`,
 * `agent:///etc/sluice/` or `https://host/`. An entry ends at a slash whether or not it is written, so
 * `s3://bucket/a` lets `s3://bucket/a/b` in and `s3://bucket/ab` out.
 *
 * Only `agent://` entries speak of the machine's own paths. Web addresses whose path hides a slash or a
 * dot behind a percent sign lie below nothing, nor do keys of objects with `.` or `..` as a part.
 */
export function isFenced(address: TemplateAddress, entries: readonly string[]): boolean {
  if (!isPlain(address)) return false;
  return fencesOf(entries).some(
    (fence) =>
      fence.scheme === (address.family === "agent" ? "agent" : address.scheme) &&
      fence.host === address.host &&
      isBelow(address.path, fence.path),
  );
}

/** Paths of the machine that entries name. */
export function machineFences(entries: readonly string[]): string[] {
  return fencesOf(entries)
    .filter(({ family }) => family === "agent")
    .map(({ path }) => path);
}

/** Whether a path is `folder` or lies in it. */
export function isBelow(path: string, folder: string): boolean {
  const base = folder.endsWith("/") ? folder : `${folder}/`;
  return path === folder || path.startsWith(base);
}

/**
 * What is no entry names nothing: other schemes, a bucket or host left out, and `agent://etc`, a slip for
 * `agent:///etc`, which would otherwise stand for the whole machine.
 */
function fencesOf(entries: readonly string[]): TemplateAddress[] {
  return entries
    .filter((entry) => /^(?:agent:\/\/[^/]*\/|(?:s3|gcs|gs|https?):\/\/[^/]+)/i.test(entry))
    .map((entry) => templateAddress(entry, "/"));
}

function isPlain({ family, path }: TemplateAddress): boolean {
  if (family === "https") return !/%(?:2e|2f|5c)/i.test(path);
  return path.split("/").every((part) => part !== "." && part !== "..");
}
