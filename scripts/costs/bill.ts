import { BEAT_EVERY_MS, HOST_TICK_MS } from "../../src/hosts.ts";
import { MINUTE } from "../../src/time.ts";
import { PRICES } from "./prices.ts";
import { QUERIES_PER_HOST_TICK, QUERIES_PER_TICK, UNITS_OF_HOST, UNITS_PER_RUN } from "./usage.ts";

/** A line of a bill. */
export interface Item {
  readonly what: string;
  /** How the amount comes about, for people. */
  readonly amount: string;
  readonly dollars: number;
}

/** What nothing here can count: how long functions take and how much they say. */
export const ASSUMED = {
  tickSeconds: 0.1,
  dispatchSeconds: 0.3,
  observeSeconds: 0.1,
  publishSeconds: 0.05,
  /** Of logs, for each invocation. */
  bytes: 1_000,
} as const;

const MONTH_MS = 30 * 24 * 60 * MINUTE;
const TICKS = MONTH_MS / MINUTE;
/** Lambda asks each queue in five ways at once, for 20 seconds each time. */
const ASKS_A_MINUTE = 5 * 3;
const QUEUES = 3;
const GB = 0.5;
const TICK_GB = 1;
/** `DueRuns` and `TicksCutShort`; the others are there only while something happens. */
const METRICS_AT_REST = 2;

/** A month in which nothing happens. `alarmMetrics`: how many metrics the alarms watch. */
export function atRest(alarmMetrics: number): Item[] {
  const seconds = TICKS * ASSUMED.tickSeconds * TICK_GB;
  // An index is read with half a unit: it lags behind.
  const reads = (TICKS * QUERIES_PER_TICK) / 2;
  const asks = TICKS * ASKS_A_MINUTE * QUEUES;
  return [
    item(
      "ticks",
      `${thousands(TICKS)} of ${ASSUMED.tickSeconds} s at ${TICK_GB} GB`,
      lambda(TICKS, seconds),
    ),
    item("table", `${QUERIES_PER_TICK} empty reads a tick`, millions(reads, PRICES.readMillion)),
    item("queues", `Lambda looks into ${QUEUES} queues`, millions(asks, PRICES.sqsMillion)),
    item("alarms", `${alarmMetrics} metrics watched`, alarmMetrics * PRICES.alarmMetricMonth),
    item("metrics", `${METRICS_AT_REST} published by ticks`, METRICS_AT_REST * PRICES.metricMonth),
    item("logs", "of ticks", (TICKS * ASSUMED.bytes * PRICES.logsGb) / 1e9),
    item("traces", "of ticks", millions(TICKS, PRICES.tracesMillion)),
  ];
}

/** A month of an agent host that has no runs. */
export function hostAtRest(): Item[] {
  const ticks = MONTH_MS / HOST_TICK_MS;
  const beats = MONTH_MS / BEAT_EVERY_MS;
  return [
    item(
      "ticks",
      `${thousands(ticks)}, ${QUERIES_PER_HOST_TICK} empty reads each`,
      millions((ticks * QUERIES_PER_HOST_TICK) / 2, PRICES.readMillion),
    ),
    item(
      "beats",
      `${thousands(beats)}, a write each`,
      millions(beats * UNITS_OF_HOST.beat.table, PRICES.writeMillion),
    ),
  ];
}

/** How a run comes to its end. */
interface Course {
  readonly units: {
    readonly read: number;
    readonly written: { readonly table: number; readonly due: number; readonly recent: number };
  };
  readonly changes: number;
  /** Of how many of them an event tells the functions. */
  readonly observed: number;
}

/** Launching, submitted, running and the end, of which ECS tells the last two. */
export const ON_ECS: Course = { units: UNITS_PER_RUN, changes: 4, observed: 2 };

/** It waits for its host first, which sees the rest for itself. */
export const BY_HOST: Course = { units: UNITS_OF_HOST.run, changes: 5, observed: 0 };

/** A million runs from the queue to their ends, each message, event and change in a batch of its own. */
export function perMillionRuns({ units, changes, observed }: Course): Item[] {
  const { read, written } = units;
  const writes = written.table + written.due + written.recent;
  const invocations = 1 + observed + changes;
  const { dispatchSeconds, observeSeconds, publishSeconds } = ASSUMED;
  const seconds =
    (dispatchSeconds + observed * observeSeconds + changes * publishSeconds) * GB * 1e6;
  const requests = 3 * (1 + observed);
  return [
    item(
      "table",
      `${writes} units written, ${read} read`,
      writes * PRICES.writeMillion + read * PRICES.readMillion,
    ),
    item("functions", `${invocations} invocations`, lambda(invocations * 1e6, seconds)),
    item("queues", `${requests} requests`, requests * PRICES.sqsMillion),
    item("bus", `${changes} changes of state`, changes * PRICES.eventsMillion),
    item("logs", `${invocations} kB`, (invocations * ASSUMED.bytes * PRICES.logsGb) / 1e3),
    item("traces", `${invocations}, if all are recorded`, invocations * PRICES.tracesMillion),
  ];
}

/** The sum of a bill. */
export function total(items: readonly Item[]): number {
  return items.reduce((sum, { dollars }) => sum + dollars, 0);
}

function item(what: string, amount: string, dollars: number): Item {
  return { what, amount, dollars };
}

function lambda(invocations: number, gbSeconds: number): number {
  return millions(invocations, PRICES.lambdaMillion) + gbSeconds * PRICES.lambdaGbSecond;
}

function millions(count: number, price: number): number {
  return (count / 1e6) * price;
}

function thousands(count: number): string {
  return count.toLocaleString("en-US");
}
