/**
 * The table, as CloudFormation takes its properties. One table holds everything:
 *
 * | pk | sk | what |
 * | --- | --- | --- |
 * | `run#ID` | `head` | the head of a run, what transitions touch |
 * | `run#ID` | `body#HASH` | its body, under the hash of its content |
 * | `hours` | `2026-11-21T12` | there are runs of this hour |
 * | `flow#NAME` | `version#0000000001` | a version of a flow |
 * | `flows` | `flow#NAME` | there is a flow of this name |
 * | `once#KEY` | `once` | a claim, then the value that was made |
 * | `tokens` | `token#NAME` | a token |
 * | `hash#HASH` | `token` | which token has this hash |
 * | `hosts` | `host#AGENT` | the host of a remote agent |
 *
 * `due` holds the unfinished runs of a place by the moment they become due; a final head lacks its keys.
 * `recent` holds all runs by the moment they were made. Both carry the whole head but its link to the
 * body: every reader of an index goes on to write the head or to show it. A head is less than 1 KiB until
 * its job is known, and less than 2 KiB with the addresses of a job on ECS.
 *
 * A partition takes 1,000 units of 1 KiB a second, and an index that is throttled holds up the table. A run
 * takes 8 units of `due`, for a new moment is a removal and an addition, and 7 of `recent`, as a test counts.
 * So at 1,000 runs a second each of 16 shards takes some 500; the id decides the shard.
 */
export const TABLE = {
  BillingMode: "PAY_PER_REQUEST",
  KeySchema: [
    { AttributeName: "pk", KeyType: "HASH" },
    { AttributeName: "sk", KeyType: "RANGE" },
  ],
  AttributeDefinitions: [
    { AttributeName: "pk", AttributeType: "S" },
    { AttributeName: "sk", AttributeType: "S" },
    { AttributeName: "due_shard", AttributeType: "S" },
    { AttributeName: "due_at", AttributeType: "S" },
    { AttributeName: "recent_shard", AttributeType: "S" },
    { AttributeName: "recent_at", AttributeType: "S" },
  ],
  GlobalSecondaryIndexes: [
    {
      IndexName: "due",
      KeySchema: [
        { AttributeName: "due_shard", KeyType: "HASH" },
        { AttributeName: "due_at", KeyType: "RANGE" },
      ],
      Projection: {
        ProjectionType: "INCLUDE",
        NonKeyAttributes: ["head", "revision", "recent_at"],
      },
    },
    {
      IndexName: "recent",
      KeySchema: [
        { AttributeName: "recent_shard", KeyType: "HASH" },
        { AttributeName: "recent_at", KeyType: "RANGE" },
      ],
      Projection: { ProjectionType: "INCLUDE", NonKeyAttributes: ["head", "revision"] },
    },
  ],
  StreamSpecification: { StreamViewType: "NEW_AND_OLD_IMAGES" },
  TimeToLiveSpecification: { AttributeName: "expires_at", Enabled: true },
  PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
} as const;

/** The indexes of the table. */
export type IndexName = (typeof TABLE.GlobalSecondaryIndexes)[number]["IndexName"];

/** The number of partitions over which the unfinished runs of a place are spread. */
export const DUE_SHARDS = 16;
/** The number of partitions over which the runs of an hour are spread. */
export const RECENT_SHARDS = 16;
