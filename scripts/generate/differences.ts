import { readFileSync } from "node:fs";
import type { Generated } from "../generate.ts";
import { pageWithSection } from "./sections.ts";

interface Difference {
  readonly id: string;
  readonly reason: string;
  readonly vectors: readonly string[] | "*";
}

const PAGE = "docs/compatibility.md";

const TITLES: Readonly<Record<string, string>> = {
  serialization: "Reading and writing run configs",
  labels: "Labels",
  local: "Local processes",
  docker: "Docker",
  kubernetes: "Kubernetes",
  kubernetes_monitor: "Watching Kubernetes Jobs",
  ecs: "ECS",
  ecs_legacy: "ECS, definitions registered once",
  vertex: "Vertex AI",
  agent_cycle: "Handing a run to its backend",
};

/** The page of compatibility with its list of differences brought up to date. */
export function differencePage(): Generated {
  return pageWithSection(PAGE, "differences", tables());
}

function tables(): string {
  const file = "test/compatibility/differences.json";
  const all = JSON.parse(readFileSync(file, "utf8")) as Record<string, readonly Difference[]>;
  return Object.entries(all)
    .filter(([, differences]) => differences.length > 0)
    .map(([name, differences]) => table(name, differences))
    .join("\n");
}

function table(name: string, differences: readonly Difference[]): string {
  const rows = differences.map(
    ({ id, reason, vectors }) =>
      `| \`${id}\` | ${reason.replaceAll("|", "\\|")} | ${vectors === "*" ? "wherever it shows" : vectors.length} |`,
  );
  return `
### ${TITLES[name] ?? name}

| difference | why | vectors |
| --- | --- | --- |
${rows.join("\n")}
`;
}
