import { brief } from "./brief.ts";
import { type Issue, invalid } from "./errors.ts";
import { inexactNumber, type JsonObject } from "./json.ts";

/** Deeper documents are refused: what walks through them would run out of stack. */
const MAX_DEPTH = 100;

/**
 * What makes a document unfit to be carried, whoever reads it later: lists and objects more than 100
 * deep, or a member named `__proto__`. Undefined if it is fit.
 */
export function unfit(body: JsonObject): Issue | undefined {
  if (Object.hasOwn(body, "__proto__")) {
    return { path: "", message: "expected no member named __proto__, got one" };
  }
  for (const [path, member] of Object.entries(body)) {
    let level: readonly unknown[] = [member];
    for (let depth = 0; level.length > 0; depth++) {
      const nested = level.filter(isNested);
      if (depth === MAX_DEPTH && nested.length > 0) {
        const message = `expected at most ${MAX_DEPTH} lists and objects within each other, got more`;
        return { path, message };
      }
      // Assigning such a member sets a prototype, so that it would be lost on the way.
      if (nested.some((value) => Object.hasOwn(value, "__proto__"))) {
        return { path, message: "expected no member named __proto__, got one" };
      }
      level = nested.flatMap((value) => Object.values(value));
    }
  }
  return undefined;
}

/**
 * Throws `PermanentError` ("invalid") for JSON text with a number that would silently become another one on
 * its way to the flow. Throws `SyntaxError` if the text is not JSON.
 */
export function refuseInexact(text: string, what: string): void {
  const number = inexactNumber(text);
  if (number === undefined) return;
  const message = `expected numbers that every reader of JSON takes for the same, got ${brief(number, 60)}: write it as text`;
  throw invalid(what, [{ path: "", message }]);
}

function isNested(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
