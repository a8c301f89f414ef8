import { PermanentError } from "../errors.ts";
import { runNotFound } from "../existing-run.ts";
import type { Client } from "./client.ts";
import type { RunDetail } from "./documents.ts";

/** How many of the runs that a text may mean an error names. */
const SHOWN = 5;

/**
 * The run meant by an id, a name, or the start of either that fits no other. Throws `PermanentError`:
 * "not_found", which names the candidates if there are several, and "invalid" for a text that holds nothing.
 */
export async function findRun(client: Client, text: string): Promise<RunDetail> {
  const run = await findRunOrNone(client, text);
  if (run !== undefined) return run;
  throw runNotFound(text);
}

/** As `findRun`, but undefined if there is none. */
export async function findRunOrNone(client: Client, text: string): Promise<RunDetail | undefined> {
  if (text.trim() === "") {
    // It would be the start of every name, such as where a script names a variable that is not set.
    throw new PermanentError("invalid", "expected the id or name of a run, got nothing");
  }
  // An id has no other letters, and asking for what cannot be one would be an error.
  const byId = /^[a-z0-9-]{1,40}$/.test(text) ? await client.run(text) : undefined;
  if (byId !== undefined) return byId;
  const { items } = await client.runs({ search: text, limit: 100 });
  const named = items.filter(({ name }) => name === text);
  const candidates = named.length > 0 ? named : items;
  const [only, ...others] = candidates;
  if (only === undefined) return undefined;
  if (others.length === 0) return client.run(only.id);
  const list = candidates.slice(0, SHOWN).map(({ id, name }) => `${name} (${id})`);
  const more = candidates.length > SHOWN ? ` and ${candidates.length - SHOWN} more` : "";
  throw new PermanentError(
    "not_found",
    `${text} is the name, or the start of it, of several runs: ${list.join(", ")}${more}; name one by its id`,
  );
}
