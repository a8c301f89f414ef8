/**
 * What one run uses of the table, counted: `test/real/aws/costs.test.ts` compares it with what DynamoDB says,
 * and `docs/deploy.md` multiplies it with prices.
 */

/** Units of the table for one run on ECS, from the queue to its end, with an event for each state. */
export const UNITS_PER_RUN = {
  read: 2,
  written: { table: 9, due: 8, recent: 7 },
} as const;

/** Reads of a tick of an agent host that finds nothing due: a query of each shard. */
export const QUERIES_PER_HOST_TICK = 16;

/** Reads of a tick of the functions that finds nothing due: those, and one of the hosts. */
export const QUERIES_PER_TICK = QUERIES_PER_HOST_TICK + 1;

/**
 * Units of the table for an agent host, counted by `test/real/aws/host-costs.test.ts`: written for one beat, and
 * used for one run on Docker, from the queue of the deployment to its end there, beside what ticks read.
 */
export const UNITS_OF_HOST = {
  beat: { table: 1 },
  run: { read: 5, written: { table: 8, due: 9, recent: 6 } },
} as const;

/** How often a piece of work calls each operation, such as `dynamodb PutItem`. */
export type Calls = Readonly<Record<string, number>>;

/**
 * What functions call, piece by piece, for a run on ECS unless they say otherwise, by a process that has looked
 * around before.
 */
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
  "`dispatch`, a run of `POST /runs`": {
    "dynamodb GetItem": 3,
    "dynamodb UpdateItem": 2,
    "ecs RunTask": 1,
  },
  "`dispatch`, 10 runs for an agent host": { "dynamodb GetItem": 1, "dynamodb PutItem": 20 },
  "`observe`, its task runs": { "dynamodb GetItem": 1, "dynamodb UpdateItem": 1 },
  "`observe`, its task has stopped": { "dynamodb GetItem": 1, "dynamodb UpdateItem": 1 },
  "`poll`, nothing due": { "dynamodb Query": QUERIES_PER_TICK },
  "`poll`, up to 100 tasks to look at": {
    "dynamodb Query": QUERIES_PER_TICK,
    "ecs DescribeTasks": 1,
  },
  "`poll`, a run whose message is lost": {
    "dynamodb Query": QUERIES_PER_TICK,
    "dynamodb UpdateItem": 1,
    "sqs SendMessageBatch": 1,
  },
  "`poll`, 10 runs of a host that is lost": {
    "dynamodb Query": QUERIES_PER_TICK + QUERIES_PER_HOST_TICK,
    "dynamodb GetItem": 10,
    "dynamodb UpdateItem": 10,
  },
  "`abandon`, a run that was launched": { "dynamodb GetItem": 1 },
  "`abandon`, a run nobody knows": { "dynamodb PutItem": 2 },
  "`api`, `POST /runs`": {
    "dynamodb GetItem": 2,
    "dynamodb PutItem": 2,
    "sqs SendMessageBatch": 1,
  },
  "`api`, `POST /runs/ID/cancel`": {
    "dynamodb GetItem": 3,
    "dynamodb UpdateItem": 1,
    "ecs StopTask": 1,
  },
  "`api`, `GET /health`": { "dynamodb GetItem": 1 },
  "`publish`, up to 10 changes": { "events PutEvents": 1 },
  "`publish`, a run that has ended": { "dynamodb UpdateItem": 1, "events PutEvents": 1 },
} as const satisfies Readonly<Record<string, Calls>>;

/** What an agent host calls, piece by piece, beside the platform its jobs run on; counted as those units are. */
export const HOST_CALLS = {
  "every 15 seconds, that it is at work": { "dynamodb UpdateItem": 1 },
  "a tick, nothing due, or jobs to look at": { "dynamodb Query": QUERIES_PER_HOST_TICK },
  "a tick, a new run": { "dynamodb Query": QUERIES_PER_HOST_TICK, "dynamodb UpdateItem": 1 },
  "its launch": { "dynamodb GetItem": 3, "dynamodb UpdateItem": 2 },
  "its job runs, or ends": { "dynamodb GetItem": 1, "dynamodb UpdateItem": 1 },
  "a tick, its cancellation": {
    "dynamodb Query": QUERIES_PER_HOST_TICK,
    "dynamodb UpdateItem": 1,
  },
} as const satisfies Readonly<Record<string, Calls>>;

/**
 * What a launch may call beside its backend, by a process that has done it before;
 * `test/backends/calls.test.ts` compares it with what reaches the services.
 */
export const LAUNCH_CALLS = {
  "a template on `s3://`": { "s3 GetObject": 1 },
  "a template on `gs://`": { "storage GET /storage/v1/b/BUCKET/o/NAME": 1 },
  "the first token of Google's by a federation, and the next after an hour": {
    "sts POST /v1/token": 1,
    "iamcredentials POST /v1/projects/-/serviceAccounts/ACCOUNT:generateAccessToken": 1,
  },
} as const satisfies Readonly<Record<string, Calls>>;

/**
 * What the backends call for each thing they do, by a process that has launched before;
 * `test/backends/calls.test.ts` compares it with what reaches the platforms.
 */
export const BACKEND_CALLS = {
  ecs: {
    launch: { RunTask: 1 },
    "look at 3 jobs": { DescribeTasks: 1 },
    "look that finds an end": { DescribeTasks: 1 },
    find: { ListTasks: 2, DescribeTasks: 1, DescribeTaskDefinition: 1 },
    cancel: { StopTask: 1 },
    logs: { DescribeTasks: 1, GetLogEvents: 1 },
  },
  vertex: {
    launch: { CreateCustomJob: 1 },
    "look at 3 jobs": { ListCustomJobs: 1 },
    "look that finds an end": { GetCustomJob: 1 },
    find: { ListCustomJobs: 1 },
    cancel: { CancelCustomJob: 1 },
  },
  kubernetes: {
    launch: { "POST /apis/batch/v1/namespaces/default/jobs": 1 },
    "look at 3 jobs": { "GET /apis/batch/v1/namespaces/default/jobs": 1 },
    "look that finds an end": { "GET /apis/batch/v1/namespaces/default/jobs": 1 },
    find: { "GET /apis/batch/v1/namespaces/default/jobs": 1 },
    cancel: {
      "GET /apis/batch/v1/namespaces/default/jobs/NAME": 1,
      "PATCH /apis/batch/v1/namespaces/default/jobs/NAME": 1,
    },
    logs: {
      "GET /api/v1/namespaces/default/pods": 1,
      "GET /api/v1/namespaces/default/pods/NAME/log": 1,
    },
    "tidy up, one finished job": {
      "GET /apis/batch/v1/namespaces/default/jobs": 1,
      "DELETE /apis/batch/v1/namespaces/default/jobs/NAME": 1,
    },
  },
  docker: {
    launch: { "POST /containers/create": 1, "POST /containers/ID/start": 1 },
    "look at 3 jobs": { "GET /containers/json": 1 },
    "look that finds an end": { "GET /containers/ID/json": 1 },
    find: { "GET /containers/json": 1 },
    cancel: { "POST /containers/ID/stop": 1 },
    logs: { "GET /containers/ID/json": 1, "GET /containers/ID/logs": 1 },
    "tidy up, one finished job": {
      "GET /containers/json": 1,
      "GET /containers/ID/json": 1,
      "DELETE /containers/ID": 1,
    },
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, Calls>>>>;
