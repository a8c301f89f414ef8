import type { Deployment } from "./template.ts";

export const MINUTE = 60;
export const VISIBLE = "ApproximateNumberOfMessagesVisible";

/** What an alarm watches. */
export interface Watched {
  /** Namespace and name. */
  readonly metric: string;
  /** Dimensions by name. */
  readonly of: Readonly<Record<string, unknown>>;
  readonly statistic: string;
  /** In seconds. */
  readonly period: number;
}

type Over = readonly [statistic: string, period: number];

/** A metric of a queue of the template. */
export function queue(name: string, metric: string, [statistic, period]: Over): Watched {
  const QueueName = { "Fn::GetAtt": [name, "QueueName"] };
  return { metric: `AWS/SQS ${metric}`, of: { QueueName }, statistic, period };
}

/** A metric of a function of the stage `dev`. */
export function functionOf(name: string, metric: string, [statistic, period]: Over): Watched {
  const FunctionName = `sluice-dev-${name}`;
  return { metric: `AWS/Lambda ${metric}`, of: { FunctionName }, statistic, period };
}

/** A metric that our functions of the stage `dev` tell. */
export function ours(metric: string, [statistic, period]: Over): Watched {
  return { metric: `Sluice ${metric}`, of: { service: "sluice-dev" }, statistic, period };
}

/** A metric as CloudFormation is told it. */
interface Metric {
  readonly Namespace: string;
  readonly MetricName: string;
  readonly Dimensions: readonly { readonly Name: string; readonly Value: unknown }[];
}

/** An alarm as CloudFormation is told it. */
export interface Alarm extends Metric {
  readonly Statistic: string;
  readonly Period: number;
  readonly Metrics?: readonly {
    readonly Id: string;
    readonly Expression?: string;
    readonly ReturnData?: boolean;
    readonly MetricStat?: {
      readonly Stat: string;
      readonly Period: number;
      readonly Metric: Metric;
    };
  }[];
  readonly EvaluationPeriods: number;
  readonly DatapointsToAlarm?: number;
  readonly Threshold: number;
  readonly ComparisonOperator: string;
  readonly TreatMissingData: string;
}

/** An alarm of a deployment. */
export function alarmOf(deployment: Deployment, name: string): Alarm {
  return deployment.get(name) as unknown as Alarm;
}

/** What an alarm watches, when it goes off, for how many periods of how many, and what it makes of silence. */
export function inWords(alarm: Alarm) {
  const { EvaluationPeriods: periods, DatapointsToAlarm: breaching = periods } = alarm;
  return [
    watched(alarm),
    `${OPERATORS[alarm.ComparisonOperator]} ${alarm.Threshold}`,
    `${breaching}/${periods}`,
    SILENCE[alarm.TreatMissingData],
  ];
}

function watched({ Metrics, ...alarm }: Alarm): readonly Watched[] {
  const one = (metric: Metric, statistic: string, period: number) => ({
    metric: `${metric.Namespace} ${metric.MetricName}`,
    of: Object.fromEntries(metric.Dimensions.map(({ Name, Value }) => [Name, Value])),
    statistic,
    period,
  });
  if (Metrics === undefined) return [one(alarm, alarm.Statistic, alarm.Period)];
  return Metrics.flatMap(({ MetricStat }) =>
    MetricStat === undefined ? [] : [one(MetricStat.Metric, MetricStat.Stat, MetricStat.Period)],
  );
}

const OPERATORS: Readonly<Record<string, string>> = {
  GreaterThanThreshold: ">",
  LessThanThreshold: "<",
};
const SILENCE: Readonly<Record<string, string>> = { notBreaching: "quiet", breaching: "alarm" };
