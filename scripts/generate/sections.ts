import { readFileSync } from "node:fs";
import type { Generated } from "../generate.ts";

/**
 * A page written by hand, with one generated section brought up to date. The section stands between
 * `<!-- NAME: … -->` and `<!-- end of NAME -->`. Throws if the page has no such place.
 */
export function pageWithSection(path: string, name: string, section: string): Generated {
  const page = readFileSync(path, "utf8");
  const place = new RegExp(`(<!-- ${name}: [^>]* -->\n)[^]*?(<!-- end of ${name} -->)`);
  if (!place.test(page)) {
    throw new Error(
      `${path} has no place for ${name}: expected <!-- ${name}: … --> … <!-- end of ${name} -->`,
    );
  }
  return {
    path,
    content: page.replace(place, (_, begin: string, end: string) => `${begin}${section}\n${end}`),
  };
}
