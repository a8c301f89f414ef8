import { type Item, textOf } from "./item.ts";
import { bodyKey, runIdOf } from "./keys.ts";
import type { Table } from "./table.ts";

/**
 * Lets the body of a run expire together with its head, if that is final and kept for a time; else does
 * nothing. It can be done again: the second time changes nothing.
 *
 * A body never expires before its head is final, for without one a run cannot be launched. Whoever stores
 * an end does not do it, so that nobody fails, or dies, with the end stored and its body left for ever:
 * `publish` does, which hears of every head that was written until it has done its part.
 */
export async function endBody(table: Pick<Table, "update">, head: Item): Promise<void> {
  const expires = head["expires_at"];
  if (expires === undefined) return;
  await table.update({
    key: bodyKey(runIdOf({ pk: textOf(head, "pk") }), textOf(head, "body")),
    set: { expires_at: expires },
    condition: "attribute_exists(#pk)",
  });
}
