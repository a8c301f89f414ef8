import type { RawAws } from "./aws.ts";
import { pause } from "./mappings.ts";
import { openSandboxes, type Sandboxes } from "./sandboxes.ts";

/** A function as it is deployed. */
export interface FunctionConfiguration {
  readonly FunctionName: string;
  readonly FunctionArn: string;
  readonly Handler: string;
  /** In seconds. */
  readonly Timeout: number;
  readonly Environment?: { readonly Variables: Readonly<Record<string, string>> };
}

/** What functions are run with. */
export interface FunctionsOptions {
  readonly aws: RawAws;
  /** Functions whose names start so are run. */
  readonly prefix: string;
  /** Folder with what was packaged. */
  readonly folder: string;
  /** Variables every function has from Lambda itself. */
  readonly env: Readonly<Record<string, string>>;
  /** How long so many seconds of AWS are here, in milliseconds. */
  shortened(seconds: number): number;
  readonly signal: AbortSignal;
}

/** The functions of a deployment. */
export interface Functions {
  /** The ARN of a function by the end of its name. Throws if there is none. */
  arnOf(name: string): string;
  /** Whether there is a function with this ARN. */
  has(arn: string): boolean;
  /** Calls a function and waits for its answer. Throws what it throws, and if it takes longer than it may. */
  invoke(arn: string, event: unknown): Promise<unknown>;
  /**
   * Calls a function as events of AWS do: nobody waits for the answer, and what fails is tried again as often
   * as the function is deployed to, twice unless told. Returns when that is over.
   */
  deliver(arn: string, event: unknown): Promise<void>;
  /** What functions have thrown, and how they ended, in the order in which it came. */
  readonly failures: readonly string[];
  /** Ends all that still runs. */
  close(): Promise<void>;
}

/** Reads the functions of a deployment and makes them ready to be called. */
export async function openFunctions(options: FunctionsOptions): Promise<Functions> {
  const { aws, prefix, shortened, signal } = options;
  const { Functions: all } = (await aws.get("lambda", "/2015-03-31/functions/")) as {
    readonly Functions: readonly FunctionConfiguration[];
  };
  const deployed = all.filter(({ FunctionName }) => FunctionName.startsWith(prefix));
  const functions = new Map<string, Sandboxes>();
  for (const one of deployed) functions.set(one.FunctionArn, openSandboxes(one, options));
  const failures: string[] = [];

  async function invoke(arn: string, event: unknown): Promise<unknown> {
    const found = functions.get(arn);
    if (found === undefined) throw new Error(`no function ${arn} is deployed`);
    try {
      return await found.handle(event);
    } catch (error) {
      failures.push(String(error));
      throw error;
    }
  }

  return {
    failures,
    invoke,
    has: (arn) => functions.has(arn),
    arnOf(name) {
      const found = deployed.find(({ FunctionName }) => FunctionName.endsWith(`-${name}`));
      if (found === undefined) throw new Error(`no function ${prefix}${name} is deployed`);
      return found.FunctionArn;
    },
    async deliver(arn, event) {
      const retries = await retriesOf(aws, arn);
      for (let attempt = 0; attempt <= retries && !signal.aborted; attempt++) {
        // Lambda waits a minute before the first try more and two before the second.
        if (attempt > 0) await pause(shortened(60 * attempt), signal);
        const done = await invoke(arn, event).then(
          () => true,
          () => false,
        );
        if (done) return;
      }
    },
    async close() {
      await Promise.all([...functions.values()].map((one) => one.close()));
    },
  };
}

/** How often an event is given to a function again. */
async function retriesOf(aws: RawAws, arn: string): Promise<number> {
  const name = arn.split(":").at(-1) ?? "";
  const { FunctionEventInvokeConfigs: configs } = (await aws.get(
    "lambda",
    `/2019-09-25/functions/${name}/event-invoke-config/list`,
  )) as { readonly FunctionEventInvokeConfigs: readonly { MaximumRetryAttempts?: number }[] };
  return configs[0]?.MaximumRetryAttempts ?? 2;
}
