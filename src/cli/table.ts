import { stripVTControlCharacters } from "node:util";
import { printable } from "./text.ts";

/** A cell: text, or text with what it looks like in colour. */
export type Cell = string | { readonly text: string; readonly painted: string };

/** Rows as lines with aligned columns, the last one as long as it comes. */
export function table(header: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const cells = [header, ...rows].map((row) => row.map(toCell));
  const widths = header.map((_, column) =>
    Math.max(...cells.map((row) => widthOf(row[column]?.text ?? ""))),
  );
  const lines = cells.map((row) =>
    row.map(({ text, painted }, column) => painted + pad(text, widths[column] ?? 0)).join("  "),
  );
  return lines.map((line) => `${line.trimEnd()}\n`).join("");
}

/** Names and values below each other; those without a value are left out. */
export function fields(
  entries: readonly (readonly [name: string, value: string | undefined])[],
): string {
  const set = entries.filter(([, value]) => value !== undefined && value !== "");
  const width = Math.max(...set.map(([name]) => name.length));
  return set.map(([name, value]) => `${name.padEnd(width)}  ${value}\n`).join("");
}

function toCell(cell: Cell) {
  if (typeof cell !== "string") return { text: printable(cell.text), painted: cell.painted };
  const text = printable(cell);
  return { text, painted: text };
}

function pad(text: string, width: number): string {
  return " ".repeat(Math.max(0, width - widthOf(text)));
}

function widthOf(text: string): number {
  return [...new Intl.Segmenter().segment(stripVTControlCharacters(text))].length;
}
