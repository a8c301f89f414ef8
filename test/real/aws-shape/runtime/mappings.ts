import { setTimeout as sleep } from "node:timers/promises";
import type { SQSClient } from "@aws-sdk/client-sqs";
import type { RawAws } from "./aws.ts";

/** An event source mapping as it is deployed: of a queue, or of the stream of a table. */
export interface Mapping {
  readonly EventSourceArn: string;
  readonly FunctionArn: string;
  readonly BatchSize: number;
  readonly MaximumBatchingWindowInSeconds?: number;
  readonly FunctionResponseTypes?: readonly string[];
  readonly FilterCriteria?: { readonly Filters: readonly { readonly Pattern: string }[] };
  /** Queues only. */
  readonly ScalingConfig?: { readonly MaximumConcurrency?: number };
  /** Streams only, as are all below. */
  readonly StartingPosition?: string;
  readonly BisectBatchOnFunctionError?: boolean;
  readonly MaximumRetryAttempts?: number;
  readonly DestinationConfig?: { readonly OnFailure?: { readonly Destination: string } };
}

/** What a mapping works with. */
export interface MappingTools {
  readonly aws: RawAws;
  readonly sqs: SQSClient;
  /** Calls the function of the mapping. */
  invoke(event: unknown): Promise<unknown>;
  /** How long so many seconds of AWS are here, in milliseconds. */
  shortened(seconds: number): number;
  readonly signal: AbortSignal;
}

/** How often a source that had nothing is asked again, in milliseconds. */
export const ASK_AGAIN_MS = 100;

/**
 * The identifiers a function reports as failed. Undefined stands for all of its batch: it threw, or its
 * answer has not the shape that is asked for. Without `ReportBatchItemFailures` only throwing is failing.
 */
export async function failuresOf(
  mapping: Mapping,
  answer: Promise<unknown>,
): Promise<readonly string[] | undefined> {
  let value: unknown;
  try {
    value = await answer;
  } catch {
    // The runtime lists what functions throw.
    return undefined;
  }
  if (!mapping.FunctionResponseTypes?.includes("ReportBatchItemFailures")) return [];
  const { batchItemFailures = [] } = (value ?? {}) as { readonly batchItemFailures?: unknown };
  if (!Array.isArray(batchItemFailures)) return batchItemFailures === null ? [] : undefined;
  const ids = batchItemFailures.map(
    (one: unknown) => (one as { readonly itemIdentifier?: unknown } | null)?.itemIdentifier,
  );
  return ids.every((id) => typeof id === "string" && id !== "") ? (ids as string[]) : undefined;
}

/** Waits for so many milliseconds, or until all is over. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}
