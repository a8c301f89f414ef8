import { createHash } from "node:crypto";
import type { World } from "./backend.ts";

/** Whose launch it is; undefined where one installation alone launches. */
export type Installation = World["installation"];

/**
 * A name as it stands in the marks of a platform: itself if all of it is `allowed`, else the first 40 hex
 * digits of its SHA-256, which every platform takes. `allowed` says how long it may be, too.
 */
export function nameOrHash(name: string, allowed: RegExp): string {
  if (allowed.test(name)) return name;
  return createHash("sha256").update(name).digest("hex").slice(0, 40);
}
