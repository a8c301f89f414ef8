/** Variable parts of a log line. Never a secret: variables of a process are logged by name only. */
export type LogFields = Readonly<Record<string, unknown>>;

/**
 * Where log lines go. The message is constant, lower case and in the past tense; everything that
 * varies is a field.
 */
export interface Logger {
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** Writes one JSON object a line: `time`, `level`, `message` and the fields. */
export function jsonLogger(write: (line: string) => void, now: () => Date): Logger {
  const at =
    (level: string) =>
    (message: string, fields: LogFields = {}) =>
      write(`${JSON.stringify({ time: now().toISOString(), level, message, ...fields })}\n`);
  return { info: at("info"), warn: at("warn"), error: at("error") };
}

/** Writes nothing. */
export const silentLogger: Logger = { info() {}, warn() {}, error() {} };
