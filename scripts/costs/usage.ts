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

/** How often a piece of work calls each operation, such as `dynamodb PutItem`. */
export type Calls = Readonly<Record<string, number>>;

/** What is called for a run on ECS, piece by piece, by a process that has looked around before. */
export const CALLS = {
  "`dispatch`": { "dynamodb PutItem": 2, "dynamodb UpdateItem": 1, "ecs RunTask": 1 },
  "`dispatch`, the first run of a new definition": {
    "dynamodb GetItem": 1,
    "dynamodb PutItem": 2,
    "dynamodb UpdateItem": 3,
    "ecs DescribeTaskDefinition": 1,
    "ecs RegisterTaskDefinition": 1,
    "ecs RunTask": 1,
  },
  "`dispatch`, the same message again": { "dynamodb GetItem": 2, "dynamodb PutItem": 2 },
  "`observe`, its task runs": { "dynamodb GetItem": 1, "dynamodb UpdateItem": 1 },
  "`observe`, its task has stopped": { "dynamodb GetItem": 1, "dynamodb UpdateItem": 2 },
  "`poll`, nothing due": { "dynamodb Query": QUERIES_PER_TICK },
  "`poll`, up to 100 tasks to look at": {
    "dynamodb Query": QUERIES_PER_TICK,
    "ecs DescribeTasks": 1,
  },
} as const satisfies Readonly<Record<string, Calls>>;
