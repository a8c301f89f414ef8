import { CALLS } from "../costs/usage.ts";
import type { Generated } from "../generate.ts";
import { pageWithSection } from "./sections.ts";

/** The page of the architecture with what one run calls on AWS brought up to date. */
export function callsPage(): Generated {
  const rows = Object.entries(CALLS).map(([piece, calls]) => `| ${piece} | ${texts(calls)} |`);
  const section = ["", "| on AWS | calls |", "| --- | --- |", ...rows, ""].join("\n");
  return pageWithSection("ARCHITECTURE.md", "calls", section);
}

function texts(calls: object): string {
  return Object.entries(calls)
    .map(([operation, count]) => `${operation}${count === 1 ? "" : ` × ${count}`}`)
    .join(", ");
}
