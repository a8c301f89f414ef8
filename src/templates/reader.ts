import { PermanentError } from "../errors.ts";
import type { TemplateReader, TemplateSource } from "../template.ts";
import { parseYaml } from "../text/yaml.ts";
import { type TemplateAddress, type TemplateFamily, templateAddress } from "./address.ts";
import { isFenced } from "./fence.ts";

/** The largest template: 1 MiB. */
export const MAX_TEMPLATE_BYTES = 1_048_576;

/** Reads the templates of one family of schemes. */
export interface FamilyReader {
  /**
   * The bytes of a template, at most one more than `MAX_TEMPLATE_BYTES` of them.
   *
   * The address has been found to lie below one of `entries` if it came in a message. A reader that is
   * led elsewhere, by a link or a redirect, checks the place it was led to in the same way and throws
   * `PermanentError` ("forbidden") if it lies outside. Throws `PermanentError` ("template") if there is
   * no such template; anything else that is thrown means: try again.
   */
  read(request: ReadRequest): Promise<Uint8Array>;
}

/** A template to be read. */
export interface ReadRequest {
  readonly address: TemplateAddress;
  readonly source: TemplateSource;
  /** The agent's `templates`. */
  readonly entries: readonly string[];
}

/** What templates are read with. */
export interface TemplateReaderOptions {
  /** One reader per family; a family without one is refused. */
  readonly readers: Readonly<Partial<Record<TemplateFamily, FamilyReader>>>;
  /** Where relative paths start: the absolute directory of the agent's process. */
  readonly cwd: string;
}

/**
 * The one way to read templates: takes an address apart, refuses what a message may not name, has the
 * family's reader read it and parses the text as YAML 1.1, which JSON is part of.
 */
export function templateReader({ readers, cwd }: TemplateReaderOptions): TemplateReader {
  return async (uri, agent, source) => {
    const address = templateAddress(uri, cwd);
    const entries = agent.templates;
    if (source === "message" && !isFenced(address, entries)) throw outside(address, agent.name);
    const reader = readers[address.family];
    if (reader === undefined) {
      throw new PermanentError(
        "template",
        `template ${address.shown} cannot be read here, where only ${Object.keys(readers).join(", ")} are read`,
      );
    }
    const bytes = await reader.read({ address, source, entries });
    return parseYaml(textOf(bytes, address), `template ${address.shown}`);
  };
}

/** Where a reader was led to is not told to whoever may not go there. */
export function outside({ shown, family }: TemplateAddress, agent?: string): PermanentError {
  const whose = agent === undefined ? "the agent" : `agent ${agent}`;
  const entry = family === "agent" ? "an agent:// entry" : "an entry";
  return new PermanentError(
    "forbidden",
    `template ${shown} is named by a message and lies below none of the templates of ${whose}; add ${entry} for it there, or name another`,
  );
}

function textOf(bytes: Uint8Array, { shown }: TemplateAddress): string {
  if (bytes.byteLength > MAX_TEMPLATE_BYTES) {
    throw new PermanentError(
      "template",
      `template ${shown} is larger than ${MAX_TEMPLATE_BYTES} bytes`,
    );
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new PermanentError("template", `template ${shown} is not text in UTF-8`, { cause });
  }
}
