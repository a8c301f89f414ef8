import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { literal } from "../../../src/backends/kubernetes/literal.ts";

const variables = new Map([
  ["A", "1"],
  ["NAME", "2"],
  ["a b", "3"],
]);
const names = new Set(variables.keys());

describe("a literal text", () => {
  it.each([
    ["echo $(date)", "echo $(date)"],
    ["echo $HOME $1 ${A}", "echo $HOME $1 ${A}"],
    ["kill $$", "kill $$$$"],
    ["echo $(NAME)", "echo $$(NAME)"],
    ["$(echo $$)", "$(echo $$)"],
    ["$", "$"],
  ])("of %j is written as %j", (text, written) => {
    expect(literal(text, names)).toBe(written);
  });

  it("is what Kubernetes makes of what is written", () => {
    const piece = fc.constantFrom(
      "$",
      "$$",
      "(",
      ")",
      "A",
      "NAME",
      "a b",
      "x",
      "$(A)",
      "$(x)",
      "{",
      "é",
    );
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const text = pieces.join("");
        expect(expanded(literal(text, names))).toBe(text);
      }),
      { numRuns: 2_000 },
    );
  });
});

/** What Kubernetes makes of a text: the rules of its expansion, step by step. */
function expanded(text: string): string {
  let result = "";
  for (let at = 0; at < text.length; at++) {
    const rest = text.slice(at + 1);
    if (text[at] !== "$" || rest === "") {
      result += text[at];
      continue;
    }
    const end = rest.indexOf(")");
    if (rest.startsWith("$")) {
      result += "$";
      at += 1;
    } else if (rest.startsWith("(") && end >= 0) {
      const name = rest.slice(1, end);
      result += variables.get(name) ?? `$(${name})`;
      at += end + 1;
    } else {
      result += `$${rest[0]}`;
      at += 1;
    }
  }
  return result;
}
