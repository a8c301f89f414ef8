import { abortable } from "../../abort.ts";
import type { LaunchAnswer, LaunchPlan } from "../../backend.ts";
import { messageOf, PermanentError } from "../../errors.ts";
import { isJsonObject, type JsonObject } from "../../json.ts";
import type { LaunchKey } from "../../run.ts";
import type { TasksAnswer } from "./api.ts";
import type { Definitions, Revision } from "./definitions.ts";
import { lostOverrides } from "./echo.ts";
import { answerTo, faultOf, kindOf, type Refusal, refusal, refusalFor } from "./errors.ts";
import { findTasks, type Searcher } from "./find.ts";
import { jobOf, logOf, taskRef } from "./job.ts";
import { type ClusterRef, clientToken, clusterOf, startedBy, undoReason } from "./names.ts";
import type { Template } from "./schema.ts";
import type { Sources } from "./sources.ts";

/** What launching needs. */
export interface Launcher extends Searcher {
  readonly definitions: Definitions;
  /** What is known of a definition given by ARN, without a call. */
  readonly known: Sources["known"];
}

/** One launch on its way. */
interface Attempt extends Launcher {
  readonly plan: LaunchPlan;
  readonly key: LaunchKey;
  readonly where: ClusterRef;
  readonly signal: AbortSignal;
  /** The definition to register; undefined if one is given by ARN. */
  readonly register: JsonObject | undefined;
  /** The definitions that turned out to be inactive, in the order they were tried. */
  readonly inactive: readonly string[];
  /** The definition that is run now has no successor in the registry. */
  readonly newest: boolean;
}

/** So many inactive definitions are passed over by one launch; the next one goes on from there. */
const MOST_INACTIVE = 10;

/**
 * Starts the task of a plan: registers its definition if nobody has, then RunTask, in the steady state the
 * only call. The key decides where, whatever the plan has come to think meanwhile.
 *
 * RunTask's token makes a repeated call answer with the first one's task, as long as ECS remembers it. An
 * answer that says no is believed only after nothing was found by the launch's mark.
 */
export async function launchTask(
  launcher: Launcher,
  { plan, key }: { readonly plan: LaunchPlan; readonly key: LaunchKey },
  signal: AbortSignal,
): Promise<LaunchAnswer> {
  signal.throwIfAborted();
  const where = clusterOf(key.target);
  const { register_task_definition: made, task_definition: given } = plan.launch;
  const register = isJsonObject(made) ? made : undefined;
  const first = { inactive: [], newest: false };
  const attempt = { ...launcher, plan, key, where, signal, register, ...first };
  if (register === undefined) return run(attempt, String(given));
  return runOnce(attempt, () => launcher.definitions.revisionOf(where.region, register));
}

/** Runs the definition as soon as its ARN is known, which other launches may wait for too. */
async function runOnce(
  attempt: Attempt,
  definition: () => Promise<Revision>,
): Promise<LaunchAnswer> {
  let revision: Revision;
  try {
    revision = await abortable(attempt.signal, definition);
  } catch (error) {
    return answerTo(error, "the task definition");
  }
  const { arn, newest } = revision;
  return attempt.inactive.includes(arn)
    ? refusedAsInactive(attempt, arn)
    : run({ ...attempt, newest }, arn);
}

async function run(attempt: Attempt, definition: string): Promise<LaunchAnswer> {
  const { api, where, signal } = attempt;
  const input = inputOf(attempt, definition);
  let answer: TasksAnswer;
  try {
    answer = await api.runTask(where.region, input, signal);
  } catch (error) {
    return onError(attempt, error, definition);
  }
  const [task] = answer.tasks;
  if (task?.taskArn !== undefined) {
    const lost = lostOverrides(input, task);
    return lost === undefined ? launched(attempt, task.taskArn) : undo(attempt, task.taskArn, lost);
  }
  if (answer.failures.length > 0) return refused(attempt, refusalFor(answer.failures));
  const found = await adopt(attempt);
  if (found !== undefined) return found;
  throw new Error("RunTask answered with neither a task nor a failure");
}

/**
 * Stops a task that has lost what makes it that of its run. Without a look for the mark, which would
 * find that task. Throws `PermanentError` if it cannot be stopped: beside it nothing may be launched.
 */
async function undo(attempt: Attempt, task: string, lost: string): Promise<LaunchAnswer> {
  const { api, installation, where, key } = attempt;
  const what = `ECS started the task ${task} without ${lost} of the run`;
  const input = { cluster: where.cluster, task, reason: undoReason(startedBy(key, installation)) };
  try {
    await api.stopTask(where.region, input);
  } catch (error) {
    throw new PermanentError(
      "rejected",
      `${what}, and it could not be stopped: stop it by hand, then run again: ${messageOf(error)}`,
      { cause: error },
    );
  }
  // An ECS that loses them every time would start tasks without end.
  const message = `${what}, so it was stopped`;
  return { type: "refused", message, hint: "configuration", stopped: true };
}

/** The input as planned, in the cluster and with the marks of the key. */
function inputOf({ plan, key, where, installation }: Attempt, taskDefinition: string): JsonObject {
  const planned = plan.launch["run_task"];
  return {
    ...(isJsonObject(planned) ? planned : {}),
    ...(key.target === plan.target ? {} : { cluster: where.cluster }),
    taskDefinition,
    clientToken: clientToken(key, installation),
    startedBy: startedBy(key, installation),
  };
}

const TO_RUN = "to run the task";

async function onError(
  attempt: Attempt,
  error: unknown,
  definition: string,
): Promise<LaunchAnswer> {
  const fault = faultOf(error);
  const kind = kindOf(fault);
  if (kind === "conflict") return adoptBound(attempt, error);
  if (kind === "capacity") return refused(attempt, { message: fault.message, hint: "capacity" });
  if (kind === "role") {
    // A role made a moment ago is not known everywhere yet.
    const { message } = refusal(TO_RUN, error);
    return refused(attempt, { message, hint: "configuration" });
  }
  if (kind === "inactive") return onInactive(attempt, error, definition);
  return answerTo(error, TO_RUN);
}

/**
 * Goes on with the successor that the registry knows, or registers the definition anew: once in a launch,
 * or an ECS that denies every revision would get more without end. Somebody else's is not ours to register.
 */
async function onInactive(
  attempt: Attempt,
  error: unknown,
  definition: string,
): Promise<LaunchAnswer> {
  const { register, definitions, where } = attempt;
  if (register === undefined) throw refusal(TO_RUN, error);
  const made = attempt.newest && attempt.inactive.length > 0;
  const inactive = [...attempt.inactive, definition];
  if (made || inactive.length > MOST_INACTIVE) return refusedAsInactive(attempt, definition);
  const next = () => definitions.revisionAfter(where.region, register, inactive);
  return runOnce({ ...attempt, inactive }, next);
}

function refusedAsInactive(attempt: Attempt, definition: string): Promise<LaunchAnswer> {
  return refused(attempt, { message: `the task definition ${definition} is inactive` });
}

/**
 * The token of this launch was used with other parameters, say because a template has changed since: the
 * tasks of the first call are the ones.
 */
async function adoptBound(attempt: Attempt, error: unknown): Promise<LaunchAnswer> {
  const { api, installation, where, key } = attempt;
  const [bound] = faultOf(error).resourceIds;
  if (bound === undefined) {
    // A request for an inactive definition may have used the token up; it has started nothing.
    if (attempt.inactive.length > 0) return refused(attempt, { message: faultOf(error).message });
    const found = await adopt(attempt);
    if (found !== undefined) return found;
    throw error;
  }
  const { tasks } = await api.describeTasks(where, [bound]);
  const [task] = tasks;
  // Not described: too young, or stopped for too long. The token is enough then.
  if (task === undefined || task.startedBy === startedBy(key, installation))
    return launched(attempt, bound);
  throw new PermanentError(
    "rejected",
    `the token of this launch belongs to the task ${bound}, which ${task.startedBy ?? "somebody else"} has started`,
  );
}

/** A no, unless a task of this launch is there all the same: ECS may answer failures beside a task. */
async function refused(attempt: Attempt, refusal: Refusal): Promise<LaunchAnswer> {
  return (await adopt(attempt)) ?? { type: "refused", ...refusal };
}

async function adopt(attempt: Attempt): Promise<LaunchAnswer | undefined> {
  const [task] = await findTasks(attempt, attempt.key);
  return task === undefined ? undefined : launched(attempt, task);
}

async function launched(attempt: Attempt, task: string): Promise<LaunchAnswer> {
  const { key, where, installation } = attempt;
  const log = logOf(await definitionOf(attempt), task);
  const ref = taskRef(where, task, startedBy(key, installation));
  return { type: "launched", job: jobOf(log === undefined ? ref : { ...ref, log }) };
}

async function definitionOf({ plan, where, known }: Attempt): Promise<Template> {
  const { register_task_definition: register, task_definition: given } = plan.launch;
  const definition = isJsonObject(register) ? register : await known(where.region, String(given));
  return definition ?? {};
}
