import { BACKEND_CALLS, CALLS, HOST_CALLS, LAUNCH_CALLS } from "../costs/usage.ts";
import type { Generated } from "../generate.ts";
import { pageWithSection } from "./sections.ts";

/** The page of the architecture with what a run calls brought up to date. */
export function callsPage(): Generated {
  const backends = Object.entries(BACKEND_CALLS).flatMap(([name, pieces]) =>
    Object.entries(pieces).map(([piece, calls]) => [`${name}: ${piece}`, texts(calls)]),
  );
  const section = `
${table("a function, with runs on ECS", rows(CALLS))}

${table("an agent host, beside its platform", rows(HOST_CALLS))}

${table("backend", backends)}

${table("a launch, beside its backend", rows(LAUNCH_CALLS))}
`;
  return pageWithSection("ARCHITECTURE.md", "calls", section);
}

function rows(pieces: Readonly<Record<string, object>>): readonly (readonly string[])[] {
  return Object.entries(pieces).map(([piece, calls]) => [piece, texts(calls)]);
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
