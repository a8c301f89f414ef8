import { PRICES } from "./prices.ts";
import { QUERIES_PER_TICK, UNITS_PER_RUN } from "./usage.ts";

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

const TICKS = 30 * 24 * 60;
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

/** Launching, submitted, running and the end. */
export const CHANGES = 4;
/** Running and the end. */
export const OBSERVED = 2;
const INVOCATIONS = 1 + OBSERVED + CHANGES;

/** A million runs from the queue to their ends, each message, event and change in a batch of its own. */
export function perMillionRuns(): Item[] {
  const { read, written } = UNITS_PER_RUN;
  const writes = written.table + written.due + written.recent;
  const { dispatchSeconds, observeSeconds, publishSeconds } = ASSUMED;
  const seconds =
    (dispatchSeconds + OBSERVED * observeSeconds + CHANGES * publishSeconds) * GB * 1e6;
  const requests = 3 * (1 + OBSERVED);
  return [
    item(
      "table",
      `${writes} units written, ${read} read`,
      writes * PRICES.writeMillion + read * PRICES.readMillion,
    ),
    item("functions", `${INVOCATIONS} invocations`, lambda(INVOCATIONS * 1e6, seconds)),
    item("queues", `${requests} requests`, requests * PRICES.sqsMillion),
    item("bus", `${CHANGES} changes of state`, CHANGES * PRICES.eventsMillion),
    item("logs", `${INVOCATIONS} kB`, (INVOCATIONS * ASSUMED.bytes * PRICES.logsGb) / 1e3),
    item("traces", `${INVOCATIONS}, if all are recorded`, INVOCATIONS * PRICES.tracesMillion),
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
