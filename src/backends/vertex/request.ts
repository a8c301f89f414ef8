import type { LaunchPlan, LaunchRequest } from "../../backend.ts";
import { check } from "../../check.ts";
import { invalid } from "../../errors.ts";
import { imageOf } from "../../image.ts";
import type { JsonObject, JsonValue } from "../../json.ts";
import { processOf, type RunProcess, secretNames } from "../../process.ts";
import { slug, VERTEX_NAME } from "../../text/slug.ts";
import { environmentOf } from "./environment.ts";
import { SCHEDULING, WORKER_POOL } from "./fields.ts";
import { launchLabels, type Whose } from "./labels.ts";
import { type ReadMessage, readMessage } from "./message.ts";
import { isNone } from "./none.ts";
import { runOptions, type VertexAgentOptions, type VertexRunOptions } from "./options.ts";
import { containerPath, firstPoolIssues, firstPoolWarnings, workerPools } from "./pools.ts";
import { isSentAsItIs } from "./send.ts";

/** What the job of a run is made from, beside its request. */
export interface JobSettings extends Whose {
  readonly options: VertexAgentOptions;
  /** `projects/PROJECT/locations/REGION`: where the job is created. */
  readonly parent: string;
}

/**
 * The CustomJob of a run, as Prefect 1 writes it, with our labels and without Google's own retries.
 * Pure. Throws `PermanentError` ("invalid") with all faults of the run's options.
 */
export function planJob(
  request: LaunchRequest,
  { options, parent, ...whose }: JobSettings,
): LaunchPlan {
  const { run, launch, flow, config } = request;
  const checked = check(runOptions, config.options, "run_config");
  const read = checked.ok ? readOptions(checked.value) : [];
  const image = imageOf(request);
  const process = processOf(request, { image });
  const environment = environmentOf(process.variables, config.env);
  const issues = [
    ...(checked.ok ? firstPoolIssues(checked.value) : checked.issues),
    ...read.flatMap(({ issues }) => issues),
    ...environment.issues,
  ];
  if (!checked.ok || issues.length > 0) throw invalid(`run ${run.id}`, issues);
  const displayName = slug(`${flow.name}-${run.name}`, VERTEX_NAME);
  const customJob: JsonObject = {
    display_name: displayName,
    job_spec: jobSpec(checked.value, {
      agentAccount: options.service_account ?? null,
      container: containerSpec(image, process, environment.env),
    }),
    labels: launchLabels({ runId: run.id, launch }, whose),
  };
  return {
    target: parent,
    launch: { parent, custom_job: customJob },
    secrets: secretNames(process.variables),
    warnings: [
      ...read.flatMap(({ unknown }) => unknown.map(notSent)),
      ...optionWarnings(checked.value),
      ...(isSentAsItIs(displayName) ? [] : [nameWarning(displayName)]),
    ],
  };
}

function jobSpec(
  run: VertexRunOptions,
  { agentAccount, container }: { agentAccount: string | null; container: JsonObject },
): JsonObject {
  return {
    worker_pool_specs: workerPools(run).map((pool, index) =>
      index === 0 ? { ...pool, container_spec: container } : pool,
    ),
    ...(isNone(run.network) ? {} : { network: run.network }),
    service_account: run.service_account ?? agentAccount,
    scheduling: schedulingOf(run.scheduling ?? {}),
  };
}

/** Without a command the image's own entry point runs. */
function containerSpec(
  image: string,
  { command }: RunProcess,
  env: readonly JsonValue[],
): JsonObject {
  return {
    image_uri: image,
    ...(command === undefined ? {} : { command: [...command] }),
    args: [],
    env,
  };
}

/**
 * Left to itself Vertex AI starts a failed job again up to three times. A run is launched once, and
 * again only as its retries say, so that is switched off unless the run asks for restarts itself.
 */
function schedulingOf(given: JsonObject): JsonObject {
  const decided = !isNone(given["disable_retries"] ?? given["disableRetries"]);
  return decided || asksForRestarts(given) ? given : { ...given, disable_retries: true };
}

function asksForRestarts(given: JsonObject): boolean {
  return (given["restart_job_on_worker_restart"] ?? given["restartJobOnWorkerRestart"]) === true;
}

function readOptions({ worker_pool_specs: pools, scheduling }: VertexRunOptions): ReadMessage[] {
  return [
    ...(pools ?? []).map((pool, index) =>
      readMessage(WORKER_POOL, pool, `run_config.worker_pool_specs.${index}`),
    ),
    ...(isNone(scheduling) ? [] : [readMessage(SCHEDULING, scheduling, "run_config.scheduling")]),
  ];
}

function optionWarnings(run: VertexRunOptions): string[] {
  const container = containerPath(run);
  return [
    ...(container === undefined
      ? []
      : [
          `${container} is replaced: the first pool runs the flow, in the image of run_config.image`,
        ]),
    ...firstPoolWarnings(run),
    ...(asksForRestarts(run.scheduling ?? {})
      ? ["run_config.scheduling lets Vertex AI run the container more than once"]
      : []),
  ];
}

function notSent(path: string): string {
  return `${path} is not sent: Vertex AI's CustomJob has no such field`;
}

function nameWarning(name: string): string {
  const what = name === "" ? "an empty text" : `of ${name.length} characters`;
  return `custom_job.display_name is ${what} and is sent changed: Vertex AI takes 1 to 128 characters`;
}
