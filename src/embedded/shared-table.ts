import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Storage } from "../app.ts";
import { type CredentialsFault, credentialsFaultOf } from "../credentials/aws.ts";
import { messageOf, PermanentError } from "../errors.ts";
import { dynamoStorage } from "../stores/dynamodb/storage.ts";
import { openTable } from "../stores/dynamodb/table.ts";

/** Where the table of a deployment is. */
export interface TableSettings {
  readonly table: string;
  readonly region: string;
  /** Another address of DynamoDB than that of the region. */
  readonly endpoint?: string;
  /** How long runs are kept after their end, in days: as the deployment says. */
  readonly keepDays: number;
}

/**
 * Opens the table of a deployment, and reads from it once. Credentials come from where the SDK finds them.
 * Throws `PermanentError` if there is no such table, no credentials, or no right to read it.
 */
export async function openSharedTable(settings: TableSettings): Promise<Storage> {
  const { region, endpoint, keepDays } = settings;
  const client = { region, ...(endpoint === undefined ? {} : { endpoint }) };
  const table = openTable({ table: settings.table, client });
  const storage = dynamoStorage(table, {
    now: () => new Date(),
    newId: () => randomUUID(),
    random: Math.random,
    sleep: (ms) => sleep(ms),
    keepDays,
  });
  try {
    await storage.hosts.list();
  } catch (error) {
    throw tableError(error, settings);
  }
  return storage;
}

function tableError(error: unknown, { table, region }: TableSettings): unknown {
  const fault = credentialsFaultOf(error);
  if (fault !== undefined) return credentialsError(fault, messageOf(error));
  switch (error instanceof Error ? error.name : "") {
    case "ResourceNotFoundException":
      return new PermanentError(
        "not_found",
        `there is no table ${table} in ${region}: SLUICE_TABLE and AWS_REGION must be those of the deployment`,
      );
    case "AccessDeniedException":
      return new PermanentError(
        "forbidden",
        `table ${table} in ${region} may not be read with the AWS credentials of this machine: ${messageOf(error)}`,
      );
    default:
      return error;
  }
}

function credentialsError(fault: CredentialsFault, message: string): PermanentError {
  switch (fault) {
    case "none":
      return new PermanentError(
        "forbidden",
        `no AWS credentials are found on this machine: ${message}`,
      );
    case "expired":
      return new PermanentError(
        "forbidden",
        `the AWS credentials of this machine have expired: ${message}; renew them, or have the host use some that are renewed by themselves`,
      );
    case "unfit":
      return new PermanentError(
        "forbidden",
        `the AWS credentials of this machine do not fit: ${message}; look at the key, its secret, and the clock of this machine`,
      );
  }
}
