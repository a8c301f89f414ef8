import { type Issue, invalid } from "../errors.ts";
import { SECOND } from "../time.ts";

/** What a function is told by its environment. */
export interface AwsSettings {
  /** Name of the table. */
  readonly table: string;
  /** Name of the queue of runs, in the account and region of the function. */
  readonly queue: string;
  /** Path of the packaged agents, from the root of the package. */
  readonly config: string;
  /** How long a launch belongs to who began it. Longer than a function may live. */
  readonly launchLeaseMs: number;
  /** How long runs are kept after their end, in days. */
  readonly keepDays: number;
  /** How many functions launch side by side at most, this one among them. Default: 1. */
  readonly dispatchConcurrency: number;
}

/** Variables of a process. */
export type Env = Readonly<Record<string, string>>;

/** Reads the settings. Throws `PermanentError` ("invalid") that names every variable with a fault. */
export function settingsOf(env: Env): AwsSettings {
  const issues: Issue[] = [];
  const text = textIn(env, issues);
  const amount = (name: string, given = text(name)): number => {
    const value = Number(given);
    if (Number.isFinite(value) && value > 0) return value;
    issues.push({
      path: name,
      message: `expected a number above 0, got ${env[name] ?? "nothing"}`,
    });
    return 0;
  };
  const settings = {
    table: text("SLUICE_TABLE"),
    queue: text("SLUICE_QUEUE"),
    config: text("SLUICE_CONFIG"),
    launchLeaseMs: amount("SLUICE_LAUNCH_LEASE_SECONDS") * SECOND,
    keepDays: amount("SLUICE_KEEP_DAYS"),
    dispatchConcurrency: amount(
      "SLUICE_DISPATCH_CONCURRENCY",
      env["SLUICE_DISPATCH_CONCURRENCY"] ?? "1",
    ),
  };
  refuse(issues);
  return settings;
}

/** Reads the name of the table alone. Throws `PermanentError` ("invalid") if it is missing. */
export function tableOf(env: Env): string {
  const issues: Issue[] = [];
  const table = textIn(env, issues)("SLUICE_TABLE");
  refuse(issues);
  return table;
}

function textIn(env: Env, issues: Issue[]): (name: string) => string {
  return (name) => {
    const value = env[name] ?? "";
    if (value === "") issues.push({ path: name, message: "expected text, got nothing" });
    return value;
  };
}

function refuse(issues: readonly Issue[]): void {
  if (issues.length > 0) throw invalid("the environment of the function", issues);
}
