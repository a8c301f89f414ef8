import type { TableSettings } from "../embedded/shared-table.ts";
import { type Issue, invalid } from "../errors.ts";
import type { Settings } from "./settings.ts";

/** How many days after their end a deployment keeps runs, unless told otherwise. */
const KEEP_DAYS = 90;

/**
 * Reads where the table of a deployment is. Throws `PermanentError` ("invalid") that names every variable
 * with a fault.
 */
export function deploymentTable(env: Settings["env"]): TableSettings {
  const issues: Issue[] = [];
  const text = (names: readonly [string, ...string[]], what: string): string => {
    const value = names.map((name) => env[name]).find(Boolean);
    if (value === undefined)
      issues.push({ path: names[0], message: `expected ${what}, got nothing` });
    return value ?? "";
  };
  const table = text(["SLUICE_TABLE"], "the name of the table of a deployment on AWS");
  const region = text(["AWS_REGION", "AWS_DEFAULT_REGION"], "the region of that table");
  const endpoint = env["AWS_ENDPOINT_URL_DYNAMODB"] || env["AWS_ENDPOINT_URL"];
  const keepDays = Number(env["SLUICE_KEEP_DAYS"] || KEEP_DAYS);
  if (!(keepDays > 0)) {
    const message = `expected a number of days, got ${env["SLUICE_KEEP_DAYS"]}`;
    issues.push({ path: "SLUICE_KEEP_DAYS", message });
  }
  if (issues.length > 0) throw invalid("the environment", issues);
  return { table, region, keepDays, ...(endpoint ? { endpoint } : {}) };
}
