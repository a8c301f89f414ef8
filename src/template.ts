import type { Agent } from "./agent.ts";
import type { JsonValue } from "./json.ts";

/** Where the address of a template was written: whoever may enqueue is trusted less than `sluice.yml`. */
export type TemplateSource = "message" | "agent";

/**
 * Reads and parses a template (JSON, or YAML 1.1 as Prefect reads it).
 *
 * An address that comes in a message must lie below one of the agent's `templates`. Throws
 * `PermanentError`: `forbidden` if it does not, `template` if it cannot be read or parsed; such an
 * error tells line and column, never content.
 */
export type TemplateReader = (
  uri: string,
  agent: Agent,
  source: TemplateSource,
) => Promise<JsonValue>;
