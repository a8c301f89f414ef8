import { BACKEND_CALLS, CALLS } from "../costs/usage.ts";
import type { Generated } from "../generate.ts";
import { pageWithSection } from "./sections.ts";

/** The page of the architecture with what a run calls brought up to date. */
export function callsPage(): Generated {
  const functions = Object.entries(CALLS).map(([piece, calls]) => [piece, texts(calls)]);
  const backends = Object.entries(BACKEND_CALLS).flatMap(([name, pieces]) =>
    Object.entries(pieces).map(([piece, calls]) => [`${name}: ${piece}`, texts(calls)]),
  );
  const section = `
${table("a run on ECS, from the queue", functions)}

${table("backend", backends)}
`;
  return pageWithSection("ARCHITECTURE.md", "calls", section);
}

function table(title: string, rows: readonly (readonly string[])[]): string {
  const lines = [[title, "calls"], ["---", "---"], ...rows];
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function texts(calls: object): string {
  return Object.entries(calls)
    .map(([operation, count]) => `${operation}${count === 1 ? "" : ` × ${count}`}`)
    .join(", ");
}
