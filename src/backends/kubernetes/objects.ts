import type { JsonObject } from "../../json.ts";

/** What is read of Kubernetes' objects. Everything in them may be missing. */
export interface MetadataJson {
  readonly name?: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly creationTimestamp?: string;
  /** When the object is to be gone: the moment of its deletion, and the grace its pod has. */
  readonly deletionTimestamp?: string;
}

export interface ConditionJson {
  readonly type?: string;
  readonly status?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
}

export interface JobJson {
  readonly metadata?: MetadataJson;
  readonly spec?: JsonObject;
  readonly status?: {
    readonly conditions?: readonly ConditionJson[];
    readonly active?: number;
    /** Active pods all of whose containers run; Kubernetes before 1.24 does not say. */
    readonly ready?: number;
    readonly startTime?: string;
  };
}

export interface TerminatedJson {
  readonly exitCode?: number;
  readonly signal?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly finishedAt?: string;
}

export interface ContainerStatusJson {
  readonly name?: string;
  readonly state?: {
    readonly waiting?: { readonly reason?: string; readonly message?: string };
    readonly running?: { readonly startedAt?: string };
    readonly terminated?: TerminatedJson;
  };
  readonly lastState?: { readonly terminated?: TerminatedJson };
}

export interface PodJson {
  readonly metadata?: MetadataJson;
  readonly status?: {
    readonly phase?: string;
    readonly reason?: string;
    readonly message?: string;
    readonly startTime?: string;
    readonly conditions?: readonly ConditionJson[];
    readonly containerStatuses?: readonly ContainerStatusJson[] | null;
    readonly initContainerStatuses?: readonly ContainerStatusJson[] | null;
  };
}

export interface EventJson {
  readonly type?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTimestamp?: string | null;
  readonly eventTime?: string | null;
}

/** A condition of an object, if it holds. */
export function condition(
  conditions: readonly ConditionJson[] | undefined,
  type: string,
): ConditionJson | undefined {
  return conditions?.find((candidate) => candidate.type === type && candidate.status === "True");
}
