/**
 * List prices of AWS in us-east-1, in dollars, without free tiers, as of November 2026. Other regions cost up
 * to a fifth more. The price list is the authority: change a number here and run `npm run generate`.
 */
export const PRICES = {
  /** A million requests of functions; a GB-second on arm64. */
  lambdaMillion: 0.2,
  lambdaGbSecond: 0.0000133334,
  /** A million request units of a table on demand. */
  writeMillion: 0.625,
  readMillion: 0.125,
  /** A million requests of queues. */
  sqsMillion: 0.4,
  /** A million events of one's own on a bus. */
  eventsMillion: 1,
  /** A GB of logs taken in; a metric of one's own for a month; a metric an alarm watches for a month. */
  logsGb: 0.5,
  metricMonth: 0.3,
  alarmMetricMonth: 0.1,
  /** A million traces recorded. */
  tracesMillion: 5,
} as const;
