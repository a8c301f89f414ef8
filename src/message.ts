import * as z from "zod";
import { check, show } from "./check.ts";
import type { Issue } from "./errors.ts";
import { type Flow, flowName, flowSchema } from "./flow.ts";
import { type Findings, findingsOf, NOTHING, readFlow } from "./flow-document.ts";
import { isJsonObject, type JsonObject } from "./json.ts";
import { unknownKeys } from "./run-config/fields.ts";
import { labelList, sortedLabels } from "./run-config/labels.ts";
import { effectiveRunConfig, hasType } from "./run-config/patch.ts";
import { type Timestamp, timestamp } from "./time.ts";
import { unfit } from "./unfit.ts";

/** What a message asks for: a run of a flow, as far as the message itself says it. */
export interface RunMessage {
  readonly runId?: string;
  readonly name?: string;
  readonly flow: MessageFlow;
  /** As it came. With a type it replaces the flow's, without it is a merge patch on the flow's. */
  readonly runConfig?: JsonObject;
  /** They replace those of the run config. Sorted, each once. */
  readonly labels?: readonly string[];
  readonly parameters?: JsonObject;
  readonly scheduledStart?: Timestamp;
}

/** The flow of a message: brought along, or registered under a name. */
export type MessageFlow =
  | { readonly type: "inline"; readonly flow: Flow }
  /** Without a version, the newest. */
  | { readonly type: "registered"; readonly name: string; readonly version?: number };

/** What a message turns out to be. */
export type ParsedMessage =
  | {
      readonly ok: true;
      readonly type: "run";
      readonly message: RunMessage;
      readonly warnings: readonly string[];
    }
  /** It holds nothing but the id of a run that is stored. */
  | { readonly ok: true; readonly type: "reference"; readonly runId: string }
  | { readonly ok: false; readonly issues: readonly Issue[] };

/** What the id of a run may be: it becomes part of names on every platform. */
export const RUN_ID = /^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/;

const runId = z
  .string()
  .regex(RUN_ID, "expected at most 40 small letters, digits and inner dashes");

const ownSchema = z.object({
  run_id: runId.nullish().describe("Id of the run; else made from the id of the message."),
  name: z
    .string()
    .regex(/^[^\p{Cc}\p{Cs}]*$/u, "expected a name of visible characters")
    .max(400, "expected at most 400 characters")
    .nullish()
    .describe("Name of the run; else made up from its id."),
  run_config: z
    .record(z.string(), z.unknown())
    .nullish()
    .describe("With a type: instead of the flow's. Without: a merge patch (RFC 7396) on it."),
  labels: labelList.nullish().describe("Instead of the labels of the run config."),
  parameters: z
    .record(z.string(), z.unknown())
    .nullish()
    .describe("Parameters of the run, on top of the flow's defaults."),
  scheduled_start_time: z.iso
    .datetime({
      offset: true,
      error: "expected a time with zone, such as 2026-11-22T01:00:00Z",
      abort: true,
    })
    .refine(hasFourDigitYear, "expected a year of four digits")
    .nullish()
    .describe("When the run may start, ISO 8601 with zone; absent or past: at once."),
});

const referenceSchema = z.object({
  name: flowName,
  version: z.number().int().nonnegative().nullish(),
});

/** A message as people and programs write it. Null is the same as absent. */
export const messageSchema = ownSchema.extend({
  flow: z
    .union([flowName, referenceSchema, flowSchema])
    .describe("The flow, or the name, or name and version, of a registered one."),
});

/** The type of such a message, for those who write one. */
export type MessageBody = z.input<typeof messageSchema>;

/**
 * Reads a message: its own fields, the flow it brings and the run configs in both. All faults of the
 * whole document come at once. Unknown keys are named in warnings.
 *
 * `plan` also takes the key `agent`, which a request to plan may have.
 */
export function parseMessage(
  body: unknown,
  options: { readonly plan?: boolean } = {},
): ParsedMessage {
  if (!isJsonObject(body)) {
    const message = `expected an object, got ${show(body)}`;
    return { ok: false, issues: [{ path: "", message }] };
  }
  const issue = unfit(body) ?? bareRunConfig(body);
  if (issue !== undefined) return { ok: false, issues: [issue] };
  const { agent: _agent, ...rest } = body;
  const wire = options.plan === true ? rest : body;
  if (isReference(wire)) return referenceTo(wire["run_id"]);
  return parseRun(wire);
}

/** Prefect gives run configs and flow runners as they are, and people send them so. */
function bareRunConfig(body: JsonObject): Issue | undefined {
  if (!hasType(body) || Object.hasOwn(body, "flow")) return undefined;
  const message = `expected a message, got a run config (${show(body["type"])}): put it under run_config, beside a flow`;
  return { path: "", message };
}

function isReference(wire: JsonObject): boolean {
  return Object.hasOwn(wire, "run_id") && Object.keys(wire).length === 1;
}

function referenceTo(id: unknown): ParsedMessage {
  const result = check(runId, id, "run_id");
  return result.ok ? { ok: true, type: "reference", runId: result.value } : result;
}

function parseRun(wire: JsonObject): ParsedMessage {
  const own = check(ownSchema, wire);
  const flow = parseFlow(wire["flow"]);
  const runConfig = own.ok ? (own.value.run_config ?? undefined) : wire["run_config"];
  const configs = parseConfigs(flow.flow, runConfig);
  const issues = [...(own.ok ? [] : own.issues), ...flow.issues, ...configs.issues];
  if (!own.ok || flow.flow === undefined || issues.length > 0) return { ok: false, issues };
  const warning = unknownKeys(wire, Object.keys(messageSchema.shape), {
    at: "",
    type: "a message",
  });
  return {
    ok: true,
    type: "run",
    message: toMessage(own.value, flow.flow),
    warnings: [...(warning === undefined ? [] : [warning]), ...flow.warnings, ...configs.warnings],
  };
}

/** A text, or an object with nothing but name and version, names a registered flow. */
function parseFlow(wire: unknown): Findings & { readonly flow?: MessageFlow } {
  if (typeof wire === "string") return registered({ name: wire });
  if (!isJsonObject(wire)) {
    const message = `expected a flow, or the name of a registered one, got ${show(wire)}`;
    return { ...NOTHING, issues: [{ path: "flow", message }] };
  }
  if (Object.keys(wire).every((key) => key === "name" || key === "version"))
    return registered(wire);
  const { flow, ...findings } = readFlow(wire, "flow");
  return { ...findings, ...(flow === undefined ? {} : { flow: { type: "inline", flow } }) };
}

function registered(wire: JsonObject): Findings & { readonly flow?: MessageFlow } {
  const result = check(referenceSchema, wire, "flow");
  if (!result.ok) return { ...NOTHING, issues: result.issues };
  const { name, version } = result.value;
  return { ...NOTHING, flow: { type: "registered", name, ...optional({ version }) } };
}

/**
 * The run configs of the flow and of the run, and the patched one where both are at hand; a patch on a
 * registered flow is checked when it is applied.
 */
function parseConfigs(flow: MessageFlow | undefined, runs: unknown): Findings {
  const flows = flow?.type === "inline" ? flow.flow.run_config : undefined;
  const own = isJsonObject(runs) ? runs : undefined;
  const ofFlow = isJsonObject(flows) ? findingsOf(flows, "flow.run_config") : NOTHING;
  if (own === undefined) return ofFlow;
  if (!hasType(own) && (flow?.type !== "inline" || ofFlow.issues.length > 0)) return ofFlow;
  const ofRun = findingsOf(effectiveRunConfig(flows, own), "run_config");
  return { issues: [...ofFlow.issues, ...ofRun.issues], warnings: ofRun.warnings };
}

function toMessage(own: z.infer<typeof ownSchema>, flow: MessageFlow): RunMessage {
  const { run_id, name, run_config, labels, parameters, scheduled_start_time: start } = own;
  return {
    flow,
    ...optional({ runId: run_id, name: name === "" ? undefined : name }),
    ...optional({ runConfig: run_config as JsonObject | null | undefined }),
    ...optional({
      labels: labels === undefined || labels === null ? undefined : sortedLabels(labels),
    }),
    ...optional({ parameters: parameters as JsonObject | null | undefined }),
    ...optional({ scheduledStart: start && timestamp(new Date(start)) }),
  };
}

/** Timestamps compare as text, which holds for years of four digits only. */
function hasFourDigitYear(text: string): boolean {
  return !Number.isNaN(Date.parse(text)) && /^\d/.test(new Date(text).toISOString());
}

/** The members that are set. */
function optional<T extends object>(members: T): { readonly [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(
    Object.entries(members).filter(([, value]) => value !== undefined && value !== null),
  ) as { [K in keyof T]?: NonNullable<T[K]> };
}
