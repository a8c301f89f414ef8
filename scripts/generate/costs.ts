import { readFileSync } from "node:fs";
import { parse } from "yaml";
import {
  ASSUMED,
  atRest,
  BY_HOST,
  hostAtRest,
  type Item,
  ON_ECS,
  perMillionRuns,
  total,
} from "../costs/bill.ts";
import type { Generated } from "../generate.ts";
import { pageWithSection } from "./sections.ts";

/** The page about deploying with what a deployment costs brought up to date. */
export function costPage(): Generated {
  return pageWithSection("docs/deploy.md", "costs", deployment());
}

/** The page about agents on machines of their own with what a host costs brought up to date. */
export function hostCostPage(): Generated {
  return pageWithSection("docs/agents.md", "costs", host());
}

function host(): string {
  return `
| a month of a host without runs | | |
| --- | --- | ---: |
${table(hostAtRest())}

| a million runs through hosts, beside the machines | for each run | |
| --- | --- | ---: |
${table(perMillionRuns(BY_HOST))}
`;
}

function deployment(): string {
  const { dispatchSeconds, observeSeconds, publishSeconds, tickSeconds } = ASSUMED;
  return `
| a month in which nothing happens | | |
| --- | --- | ---: |
${table(atRest(alarmMetrics()))}

| a million runs, beside the tasks themselves | for each run | |
| --- | --- | ---: |
${table(perMillionRuns(ON_ECS))}

Units of the table are counted by a test. Invocations, requests, events and metrics follow from the template, for a run
with ${ON_ECS.changes} changes of state of which ECS tells ${ON_ECS.observed}, each handled by itself; full batches cost less. That a tick takes ${tickSeconds} s,
\`dispatch\` ${dispatchSeconds} s, \`observe\` ${observeSeconds} s and \`publish\` ${publishSeconds} s, and that an invocation writes a kilobyte of logs, is assumed.
`;
}

function table(items: readonly Item[]): string {
  const rows = items.map(
    ({ what, amount, dollars }) => `| ${what} | ${amount} | ${money(dollars)} |`,
  );
  return [...rows, `| **together** | | **${money(total(items))}** |`].join("\n");
}

function money(dollars: number): string {
  return `$${dollars.toFixed(2)}`;
}

interface Alarm {
  readonly Properties: {
    readonly MetricName?: string;
    readonly Metrics?: readonly { readonly MetricStat?: object }[];
  };
}

/** AWS asks for each metric an alarm watches. */
function alarmMetrics(): number {
  const { Resources } = parse(readFileSync("deploy/alarms.yml", "utf8")) as {
    readonly Resources: Readonly<Record<string, Alarm>>;
  };
  return Object.values(Resources)
    .map(({ Properties: { MetricName, Metrics = [] } }) =>
      MetricName === undefined ? Metrics.filter((one) => one.MetricStat !== undefined).length : 1,
    )
    .reduce((sum, count) => sum + count, 0);
}
