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
 * body: a head is about 1 KB, and every reader of an index goes on to write it or to show it.
 *
 * A partition takes 1,000 writes a second, and an index that is throttled holds up the table. At 1,000
 * runs a second, with four writes each, a shard of `due` takes some 500 of them and a shard of `recent`
 * the same: a run is written to one of 16 and 8, chosen by its id.
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

/** Over so many partitions the unfinished runs of a place are spread. */
export const DUE_SHARDS = 16;
/** Over so many partitions the runs of an hour are spread. */
export const RECENT_SHARDS = 8;
