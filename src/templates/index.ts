import type { TemplateReader } from "../template.ts";
import { fileReader } from "./file.ts";
import { httpsReader } from "./https.ts";
import { templateReader } from "./reader.ts";

/** Reads templates from the files of this machine and from the web. */
export function readTemplateOnThisMachine({ cwd }: { readonly cwd: string }): TemplateReader {
  return templateReader({ cwd, readers: { agent: fileReader(), https: httpsReader({ fetch }) } });
}
