/**
 * What one run uses of the table, counted: `test/real/aws/costs.test.ts` compares it with what DynamoDB says,
 * and `docs/deploy.md` multiplies it with prices.
 */

/** Units of the table for one run on ECS, from the queue to its end, with an event for each state. */
export const UNITS_PER_RUN = {
  read: 2,
  written: { table: 9, due: 8, recent: 7 },
} as const;

/** Reads of a tick that finds nothing due: a query of each shard, and one of the hosts. */
export const QUERIES_PER_TICK = 17;
