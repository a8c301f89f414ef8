import * as z from "zod";
import type { Explanation } from "../explain.ts";
import { PREFECT_STATES } from "../prefect-state.ts";
import type { RegisteredFlow } from "../registry.ts";
import { type Cause, isFinal, type Run, type RunState, STATES } from "../run.ts";
import type { RunBody } from "../store.ts";

const labels = z.array(z.string());

/** A run as lists show it. */
export const runSchema = z.object({
  id: z.string(),
  name: z.string(),
  flow: z.object({ name: z.string(), version: z.int().optional() }),
  labels,
  backend: z.string().describe("The backend its run config asks for, or any."),
  state: z.enum(STATES),
  prefect_state: z.string().describe("What Prefect calls the state."),
  since: z.iso.datetime().describe("When it entered the state."),
  created_at: z.iso.datetime(),
  final: z.boolean(),
  agent: z.string().optional(),
  launch: z.int().optional().describe("Number of the newest launch."),
  target: z.string().optional().describe("Where its launch key is unique."),
  job: z.object({ backend: z.string(), id: z.string(), url: z.string().optional() }).optional(),
  started_at: z.iso.datetime().optional(),
  reason: z.string().optional().describe("Why it waits."),
  message: z.string().optional().describe("What it waits for, or how it ended, for people."),
  next_try: z.iso.datetime().optional(),
  cause: z
    .object({
      type: z.string(),
      message: z.string(),
      exit_code: z.int().optional(),
      signal: z.string().optional(),
    })
    .optional()
    .describe("Why it ended as it did."),
});

/** A run with what it was asked to do. */
export const runDetailSchema = runSchema.extend({
  request: z
    .object({
      flow: z.record(z.string(), z.unknown()),
      run_config: z.record(z.string(), z.unknown()),
      labels,
      parameters: z.record(z.string(), z.unknown()),
      scheduled_start_time: z.iso.datetime().optional(),
    })
    .optional(),
  received: z.unknown().describe("The message as it came."),
  issues: z
    .array(z.object({ path: z.string(), message: z.string() }))
    .optional()
    .describe("The faults of the message, where its cause has no room for all of them."),
});

/** A registered flow. */
export const flowViewSchema = z.object({
  name: z.string(),
  version: z.int(),
  registered_at: z.iso.datetime(),
  flow: z.record(z.string(), z.unknown()),
});

/** Which agent takes a run, or why none does. */
export const explanationSchema = z.object({
  because: z.string(),
  agent: z.string().optional().describe("The agent that takes it."),
  wanted: z.object({ backend: z.string(), labels }),
  agents: z.array(
    z.object({
      agent: z.string(),
      backend: z.string(),
      labels,
      takes: z.boolean(),
      missing: labels.describe("Labels of the run which the agent lacks."),
      other_backend: z.boolean(),
      unlabelled: z.boolean().describe("The run has no labels and the agent has some."),
    }),
  ),
  state: z.string().optional(),
  next_try: z.iso.datetime().optional(),
  warnings: z.array(z.string()),
});

/** A run as the API shows it. */
export function runView(run: Run): z.infer<typeof runSchema> {
  const { state } = run;
  return {
    id: run.id,
    name: run.name,
    flow: run.flow,
    labels: [...run.labels],
    backend: run.backend,
    state: state.type,
    prefect_state: PREFECT_STATES[state.type],
    since: run.since,
    created_at: run.createdAt,
    final: isFinal(state),
    ...launchView(state),
    ...(state.type === "waiting"
      ? { reason: state.reason, message: state.message, next_try: state.until }
      : {}),
    ...(state.type === "scheduled" ? { next_try: state.start } : {}),
    ...(state.type === "launching" && state.detail !== undefined
      ? { message: state.detail, next_try: state.until }
      : {}),
    ...(isFinal(state) ? { message: state.cause.message, cause: causeView(state.cause) } : {}),
  };
}

function launchView(state: RunState): Partial<z.infer<typeof runSchema>> {
  const { agent, launch, target, job, startedAt } = { ...EMPTY, ...state } as Partial<
    Extract<RunState, { type: "succeeded" }>
  >;
  return {
    ...(agent === undefined ? {} : { agent }),
    ...(launch === undefined ? {} : { launch }),
    ...(target === undefined ? {} : { target }),
    ...(job === undefined ? {} : { job: jobView(job) }),
    ...(startedAt === undefined ? {} : { started_at: startedAt }),
  };
}

const EMPTY = { agent: undefined, launch: undefined, target: undefined, job: undefined };

function jobView({ backend, id, url }: { backend: string; id: string; url?: string }) {
  return { backend, id, ...(url === undefined ? {} : { url }) };
}

function causeView({ type, message, exitCode, signal }: Cause) {
  return {
    type,
    message,
    ...(exitCode === undefined ? {} : { exit_code: exitCode }),
    ...(signal === undefined ? {} : { signal }),
  };
}

/** A run with its body as the API shows it. */
export function runDetailView(
  run: Run,
  body: RunBody | undefined,
): z.infer<typeof runDetailSchema> {
  const request = body?.request;
  return {
    ...runView(run),
    ...(request === undefined
      ? {}
      : {
          request: {
            flow: request.flow,
            run_config: { ...request.runConfig },
            labels: [...request.labels],
            parameters: { ...request.parameters },
            ...(request.scheduledStart === undefined
              ? {}
              : { scheduled_start_time: request.scheduledStart }),
          },
        }),
    received: body?.received ?? null,
    ...(body?.issues === undefined ? {} : { issues: [...body.issues] }),
  };
}

/** A registered flow as the API shows it. */
export function flowView({ name, version, registeredAt, flow }: RegisteredFlow) {
  return { name, version, registered_at: registeredAt, flow: { ...flow } };
}

/** An explanation as the API shows it. */
export function explanationView(explanation: Explanation): z.infer<typeof explanationSchema> {
  const { because, agent, wanted, agents, state, nextTry, warnings } = explanation;
  return {
    because,
    ...(agent === undefined ? {} : { agent }),
    wanted: { backend: wanted.backend, labels: [...wanted.labels] },
    agents: agents.map(({ otherBackend, missing, labels, ...rest }) => ({
      ...rest,
      labels: [...labels],
      missing: [...missing],
      other_backend: otherBackend,
    })),
    ...(state === undefined ? {} : { state: state.type }),
    ...(nextTry === undefined ? {} : { next_try: nextTry }),
    warnings: [...warnings],
  };
}
