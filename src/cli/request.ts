import { invalid, PermanentError } from "../errors.ts";
import { flowSchema } from "../flow.ts";
import { inexactNumber, isJsonObject, type JsonObject, type JsonValue } from "../json.ts";
import { messageSchema } from "../message.ts";
import { MINUTE, plus, SECOND, timestamp } from "../time.ts";
import { type Context, type Options, textOption, textsOption } from "./command.ts";
import { isFile, readDocument } from "./document.ts";
import { settingValue } from "./set-value.ts";

/**
 * The message a line asks for: that of a file, or one that names a registered flow, with what its
 * options add. Throws `PermanentError` if an option cannot be read; whether the message is valid is
 * seen by whoever takes it.
 */
export async function requestFrom(context: Context, source: string): Promise<JsonObject> {
  const message = (await isFile(context, source))
    ? messageOf(await readDocument(context, source), source)
    : { flow: source };
  return withOptions(message, context.options, context.io.now());
}

/** A message with what the options of a line add to it. */
export function withOptions(message: JsonObject, options: Options, now: Date): JsonObject {
  const parameters = textsOption(options, "param").map((text) => assignment("--param", text));
  const labels = textsOption(options, "label");
  if (labels.some((label) => label.trim() === "")) {
    throw new PermanentError("invalid", "--label takes a label, got an empty text");
  }
  const settings = textsOption(options, "set").map(setting);
  const name = textOption(options, "name");
  const at = textOption(options, "at");
  return {
    ...message,
    ...(parameters.length === 0
      ? {}
      : { parameters: { ...objectOr(message["parameters"]), ...Object.fromEntries(parameters) } }),
    ...(labels.length === 0 ? {} : { labels }),
    ...(settings.length === 0 ? {} : { run_config: settingsOn(message["run_config"], settings) }),
    ...(name === undefined ? {} : { name }),
    ...(at === undefined ? {} : { scheduled_start_time: startTime(at, now) }),
  };
}

function messageOf(document: JsonValue, source: string): JsonObject {
  if (isJsonObject(document) && !isFlow(document)) return document;
  const message = isJsonObject(document)
    ? "this is a flow: `sluice register` it first"
    : "expected a message, which is an object with a flow";
  throw invalid(source === "-" ? "standard input" : source, [{ path: "", message }]);
}

/** What a flow says and a message does not; a name, parameters and a run config both may have. */
const OF_FLOWS = Object.keys(flowSchema.shape).filter((key) => !(key in messageSchema.shape));

function isFlow(document: JsonObject): boolean {
  return "name" in document && !("flow" in document) && OF_FLOWS.some((key) => key in document);
}

function assignment(option: string, text: string): readonly [string, JsonValue] {
  const at = text.indexOf("=");
  if (at <= 0) {
    throw new PermanentError("invalid", `${option} takes NAME=VALUE, got ${JSON.stringify(text)}`);
  }
  return [text.slice(0, at), jsonOrText(text.slice(at + 1))];
}

type Setting = readonly [path: readonly string[], value: JsonValue];

function setting(text: string): Setting {
  const [name, value] = assignment("--set", text);
  const path = pathOf(name);
  return [path, settingValue(path, value, text.slice(name.length + 1).trim())];
}

function jsonOrText(text: string): JsonValue {
  try {
    // An id of 64 bits would become another one as a number.
    return inexactNumber(text) === undefined ? (JSON.parse(text) as JsonValue) : text;
  } catch {
    // Most values are plain words, which are no JSON.
    return text;
  }
}

/** Without a run config of its own a message gets a patch, which is merged into the flow's. */
function settingsOn(runConfig: JsonValue | undefined, settings: readonly Setting[]): JsonObject {
  return settings.reduce<JsonObject>(
    (config, [path, value]) => withMember(config, path, value),
    objectOr(runConfig),
  );
}

/** The names in a dotted path; `\.` is a dot within a name. */
function pathOf(path: string): readonly string[] {
  return path.split(/(?<!\\)\./).map((name) => name.replaceAll("\\.", "."));
}

function withMember(target: JsonObject, path: readonly string[], value: JsonValue): JsonObject {
  const [name = "", ...rest] = path;
  if (rest.length === 0) return { ...target, [name]: value };
  return { ...target, [name]: withMember(objectOr(target[name]), rest, value) };
}

function objectOr(value: JsonValue | undefined): JsonObject {
  return isJsonObject(value) ? value : {};
}

const UNITS: Readonly<Record<string, number>> = {
  s: SECOND,
  m: MINUTE,
  h: 60 * MINUTE,
  d: 24 * 60 * MINUTE,
};

/** A time given from now becomes a time; any other text is judged by whoever takes the message. */
function startTime(text: string, now: Date): string {
  const [, count, unit] = /^\+(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (count === undefined || unit === undefined) return text;
  return plus(timestamp(now), Number(count) * (UNITS[unit] ?? 0));
}
