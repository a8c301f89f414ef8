import { YAMLParseError } from "yaml";
import { PermanentError } from "../errors.ts";

/**
 * What a person is told of a text that is not YAML: line, column and reason, and never its content, which
 * may hold secrets. Any other error is returned as it is.
 */
export function yamlFault(error: unknown, sentence: string): unknown {
  if (!(error instanceof YAMLParseError)) return error;
  const where = error.linePos?.[0];
  const at = where === undefined ? "" : ` at line ${where.line}, column ${where.col}`;
  const reason = error.code.toLowerCase().replaceAll("_", " ");
  return new PermanentError("invalid", `${sentence}${at}: ${reason}`);
}
