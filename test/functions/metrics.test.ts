import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";

/** A line of the embedded metric format, as CloudWatch finds it in a log. */
interface MetricLine {
  readonly _aws: {
    readonly CloudWatchMetrics: readonly {
      readonly Namespace: string;
      readonly Dimensions: readonly (readonly string[])[];
      readonly Metrics: readonly { readonly Name: string }[];
    }[];
  };
  readonly [value: string]: unknown;
}

/** An alarm, as far as it names a metric. */
interface Alarm {
  readonly Namespace?: string;
  readonly MetricName: string;
  readonly Dimensions: readonly { readonly Name: string; readonly Value: string }[];
}

const EMITTING = fileURLToPath(new URL("emitting.ts", import.meta.url));
const SERVICE = "sluice-test";

/** A metric as CloudWatch keeps it apart from all others. */
interface Metric {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Readonly<Record<string, unknown>>;
  readonly value: unknown;
}

let emitted: readonly Metric[];

beforeAll(() => {
  const env = { PATH: process.env["PATH"], POWERTOOLS_SERVICE_NAME: SERVICE };
  const lines = execFileSync(process.execPath, [EMITTING], { env })
    .toString()
    .split("\n")
    .filter((line) => line.includes('"_aws"'));
  emitted = lines.flatMap((line) => metricsOf(JSON.parse(line) as MetricLine));
});

function metricsOf(line: MetricLine): readonly Metric[] {
  return line._aws.CloudWatchMetrics.flatMap(({ Namespace, Dimensions, Metrics }) =>
    Dimensions.flatMap((names) =>
      Metrics.map(({ Name }) => ({
        namespace: Namespace,
        name: Name,
        dimensions: Object.fromEntries(names.map((name) => [name, line[name]])),
        value: line[Name],
      })),
    ),
  );
}

describe("the metrics of the functions", () => {
  test.each([
    ["DueRuns", 0],
    ["FailedParts", 1],
    ["RunsSucceeded", 1],
    ["RunsAbandoned", 1],
  ])("tell %s of this service on stdout", (name, value) => {
    expect(emitted.filter((metric) => metric.name === name)).toEqual([
      { namespace: "Sluice", name, dimensions: { service: SERVICE }, value },
    ]);
  });

  test("have the names that the alarms listen to", () => {
    const text = readFileSync("deploy/alarms.yml", "utf8").replaceAll(
      "${self:custom.name}",
      SERVICE,
    );
    const { Resources } = parse(text) as {
      readonly Resources: Readonly<Record<string, { readonly Properties: Alarm }>>;
    };
    const listened = Object.values(Resources)
      .map(({ Properties }) => Properties)
      .filter(({ Namespace = "AWS/" }) => !Namespace.startsWith("AWS/"));
    expect(listened).toHaveLength(3);
    for (const { Namespace, MetricName, Dimensions } of listened) {
      const dimensions = Object.fromEntries(Dimensions.map(({ Name, Value }) => [Name, Value]));
      expect(emitted).toContainEqual(
        expect.objectContaining({ namespace: Namespace, name: MetricName, dimensions }),
      );
    }
  });
});
