import { exited } from "../../exit.ts";
import type { Cause, FinalType } from "../../run.ts";
import { condition, type PodJson, type TerminatedJson } from "./objects.ts";
import { statusOfContainer } from "./pods.ts";

/** How a run ended, and why. */
export interface End {
  readonly end: FinalType;
  readonly cause: Cause;
}

/**
 * What a pod that is over says of its run; undefined if it says nothing. Pure.
 *
 * Kubernetes taking the pod away comes first: it also leaves exit codes, and they mean nothing. Then an
 * init container that failed, so that the flow never started, then the flow's own container.
 */
export function podEnd(pod: PodJson, container: string): End | undefined {
  const flow = statusOfContainer(pod, container);
  const terminated = flow?.state?.terminated ?? flow?.lastState?.terminated;
  return (
    disruption(pod) ??
    initFailure(pod) ??
    (terminated && containerEnd(pod, flow?.name ?? container, terminated)) ??
    rejection(pod)
  );
}

/** Reasons of the condition that stands for a machine that is lost rather than taken back. */
const LOST_MACHINE = new Set(["DeletionByTaintManager", "DeletionByPodGC"]);

/** Reasons of pods that Kubernetes before 1.26 took away, and of shutdowns. */
const TAKEN_BACK = new Set([
  "Evicted",
  "Preempting",
  "Preempted",
  "Shutdown",
  "NodeShutdown",
  "Terminated",
]);

function disruption(pod: PodJson): End | undefined {
  const { conditions, reason = "", message = "" } = pod.status ?? {};
  const target = condition(conditions, "DisruptionTarget");
  if (target !== undefined) {
    const words = told(pod, target.reason ?? "DisruptionTarget", target.message ?? message);
    return crashed(LOST_MACHINE.has(target.reason ?? "") ? "infrastructure" : "reclaimed", words);
  }
  if (reason === "NodeLost") return crashed("infrastructure", told(pod, reason, message));
  if (!TAKEN_BACK.has(reason)) return undefined;
  if (/exceed(s|ed) (the|its) .*limit/i.test(message)) {
    return crashed("killed", told(pod, reason, message));
  }
  return crashed("reclaimed", told(pod, reason, message));
}

function initFailure(pod: PodJson): End | undefined {
  for (const { name, state } of pod.status?.initContainerStatuses ?? []) {
    const { exitCode = 0, reason = "", message = "" } = state?.terminated ?? {};
    if (exitCode === 0) continue;
    const words = `init container ${name} ended with exit code ${exitCode}`;
    return crashed(
      "rejected",
      told(pod, words, reason === "Error" ? message : `${reason} ${message}`),
    );
  }
  return undefined;
}

/** The container's process was never started: its command is not there, or may not be run. */
const NOT_STARTED = new Set(["StartError", "ContainerCannotRun", "CreateContainerError"]);

function containerEnd(pod: PodJson, name: string, terminated: TerminatedJson): End {
  const { exitCode = 0, reason = "", message = "", signal } = terminated;
  const { end, cause } = exited(exitCode);
  if (exitCode === 0 && reason !== "OOMKilled") return { end, cause };
  const marks = [`container ${name}`, reason, signal ? `signal ${signal}` : ""].filter(Boolean);
  const words = told(pod, `${cause.message}, ${marks.join(", ")}`, message);
  if (NOT_STARTED.has(reason)) return crashed("rejected", words);
  // The machine came back and could not say what had become of the container.
  if (reason === "ContainerStatusUnknown") return crashed("infrastructure", words);
  if (reason === "OOMKilled") {
    return { end: "failed", cause: { ...cause, type: "out_of_memory", message: words } };
  }
  return { end, cause: { ...cause, message: words } };
}

/** A machine that did not take the pod, or a pod whose own deadline is over. */
function rejection(pod: PodJson): End | undefined {
  const { reason = "", message = "", phase } = pod.status ?? {};
  if (phase !== "Failed" || reason === "") return undefined;
  const words = told(pod, reason, message);
  if (reason === "DeadlineExceeded") {
    return { end: "timed_out", cause: { type: "deadline", message: words } };
  }
  return crashed("start_failed", words);
}

function crashed(type: Cause["type"], message: string): End {
  return { end: "crashed", cause: { type, message } };
}

function told(pod: PodJson, words: string, message: string): string {
  const of = `${words} (pod ${pod.metadata?.name ?? "unknown"})`;
  return message.trim() === "" ? of : `${of}: ${message.trim()}`;
}
