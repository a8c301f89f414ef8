import { setTimeout as sleep } from "node:timers/promises";
import type { LogLine } from "../backend.ts";
import { rest } from "../embedded/rest.ts";
import { PermanentError } from "../errors.ts";
import { runNotFound } from "../existing-run.ts";
import type { Client } from "./client.ts";
import type { RunDetail, RunDocument } from "./documents.ts";

/** Who is told what happens to a run that is followed. */
export interface Follower {
  /** A line of its log; the log of a new launch follows that of the one before. */
  line?(line: LogLine): Promise<void>;
  /** Its state has changed, or this is the first look. */
  state?(run: RunDocument): Promise<void>;
  /** Nothing new: time goes by. */
  idle?(run: RunDocument): Promise<void>;
  /** Why its log cannot be read. */
  noLog?(reason: unknown): Promise<void>;
}

/**
 * Follows a run until it has ended and its log is read to the end, and returns it; or until `signal` is
 * aborted, and returns undefined.
 */
export async function follow(
  client: Client,
  id: string,
  { follower, signal }: { readonly follower: Follower; readonly signal: AbortSignal },
): Promise<RunDetail | undefined> {
  const log = logOf(client, id, follower);
  const stopped = once(signal);
  let shown = "";
  const tell = async (run: RunDocument) => {
    const state = JSON.stringify([run.state, run.message, run.launch]);
    if (state !== shown) await follower.state?.(run);
    else await follower.idle?.(run);
    shown = state;
  };
  while (!signal.aborted) {
    await Promise.race([client.refresh(), stopped]);
    if (signal.aborted) break;
    const run = await client.run(id);
    if (run === undefined) throw runNotFound(id);
    for (const before of client.changes(id)) if (!before.final) await tell(before);
    // What a run has written belongs before the news of its end.
    const complete = run.final && (await log(run));
    await tell(run);
    if (complete) return run;
    if (!run.final) await log(run);
    await rest(client.restMs, signal);
  }
  return undefined;
}

function once(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) =>
    signal.addEventListener("abort", () => resolve(), { once: true }),
  );
}

/** How often the log of a run that has ended is looked at before it counts as complete. */
const LAST_LOOKS = 20;

/** Reads on in the log of a run; true when nothing can follow. */
function logOf(client: Client, id: string, follower: Follower) {
  let after: string | undefined;
  let launch: number | undefined;
  let unreadable = follower.line === undefined;
  let told = false;
  let looks = 0;
  const readOn = async (): Promise<boolean> => {
    for (;;) {
      const page = await client.logs(id, after);
      after = page.next === "" ? undefined : page.next;
      for (const line of page.lines) await follower.line?.(line);
      if (page.complete) return true;
      if (page.lines.length === 0) return false;
    }
  };
  return async (run: RunDocument): Promise<boolean> => {
    if (run.launch !== launch) after = undefined;
    launch = run.launch;
    try {
      if (!unreadable && (await readOn())) return run.final;
    } catch (error) {
      // What is not permanent may be over by the next look.
      unreadable = error instanceof PermanentError;
      if (!told) await follower.noLog?.(error);
      told = true;
    }
    return run.final && (unreadable || ++looks >= LAST_LOOKS);
  };
}

/** How long a run is given to get beyond launching; its lease is a minute. */
const SETTLING_MS = 90_000;

/**
 * Works until a run is launched, or waits, or has ended, and returns it as it is then. One that starts
 * later stays scheduled.
 */
export async function settle(client: Client, id: string, now: () => Date): Promise<RunDetail> {
  const end = now().getTime() + SETTLING_MS;
  for (;;) {
    await client.refresh();
    const run = await client.run(id);
    if (run === undefined) throw runNotFound(id);
    if (isSettled(run, now()) || now().getTime() > end) return run;
    await sleep(Math.min(client.restMs, 100));
  }
}

function isSettled({ state, next_try: start }: RunDocument, now: Date): boolean {
  if (state === "launching") return false;
  return state !== "scheduled" || start === undefined || Date.parse(start) > now.getTime();
}
