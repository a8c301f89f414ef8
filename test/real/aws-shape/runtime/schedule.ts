import type { Rule } from "@aws-sdk/client-eventbridge";
import { pause } from "./mappings.ts";

/** What a schedule works with. */
export interface ScheduleTools {
  /** Calls the function of the schedule. */
  deliver(event: unknown): Promise<void>;
  /** How long so many seconds of AWS are here, in milliseconds. */
  shortened(seconds: number): number;
  readonly signal: AbortSignal;
}

/**
 * Ticks at the rate of a rule until all is over. A tick that takes longer than it would on AWS, measured in
 * the shortened minutes, moves the next one instead of meeting it. Throws for other schedules than rates.
 */
export async function keepTime(rule: Rule, { deliver, shortened, signal }: ScheduleTools) {
  const [, minutes] = /^rate\((\d+) minutes?\)$/.exec(rule.ScheduleExpression ?? "") ?? [];
  if (minutes === undefined) throw new Error(`${rule.Name}: only rates in minutes are known here`);
  const periodMs = shortened(60 * Number(minutes));
  while (!signal.aborted) {
    const began = Date.now();
    await deliver({
      version: "0",
      id: crypto.randomUUID(),
      "detail-type": "Scheduled Event",
      source: "aws.events",
      account: "123456789012",
      time: new Date(began).toISOString(),
      region: rule.Arn?.split(":")[3],
      resources: [rule.Arn],
      detail: {},
    });
    await pause(Math.max(0, began + periodMs - Date.now()), signal);
  }
}
