import { untilAborted } from "../abort.ts";
import type { App } from "../app.ts";
import { dueAt, LONGEST_LOOK_MS } from "../due.ts";
import { poll } from "../poll.ts";
import type { Run } from "../run.ts";
import { MINUTE, plus, type Timestamp, timestamp } from "../time.ts";

/** Ticks once. `signal` ends the tick early; the next one then goes on where this one stopped. */
export type Tick = (app: App, signal: AbortSignal) => Promise<TickReport>;

/** What a tick came to. */
export interface TickReport {
  /** How many due runs were worked on. */
  readonly runs: number;
  /** Whether it came to the end of them. */
  readonly finished: boolean;
}

/**
 * How far a round has come: all that became due before `dueAt` is done, and of what became due at that
 * very moment the runs in `ids`. Any number of runs may have become due at one moment, in no order.
 */
interface Mark {
  readonly dueAt: Timestamp;
  readonly ids: ReadonlySet<string>;
}

/** One way through all runs that are due when it begins; it may take several ticks. */
interface Round {
  readonly began: Timestamp;
  /**
   * The minutes since the round before, or as many as hold a look at every job if none is known: a job to
   * be looked at in one of them is looked at now.
   */
  readonly minutes: readonly Timestamp[];
  /** Where it goes on, if it was broken off. */
  readonly mark?: Mark;
}

/**
 * Polls in rounds. What one tick has no time for comes first in the next, so that many runs at the front
 * never keep those behind them from their turn, and no look falls into a minute nobody has worked in.
 *
 * Rounds are remembered by the process alone. One that starts anew begins at the front: that costs time,
 * and harms only if it happens in every tick. A tick ends by itself before its process would be killed,
 * whatever hangs, as long as `signal` is aborted `PAGE_MS` and some seconds before; and ticks a minute
 * apart are given the same process as a rule.
 */
export function pollInRounds(): Tick {
  let open: Round | undefined;
  let before: Timestamp | undefined;

  async function goOn(app: App, signal: AbortSignal): Promise<TickReport> {
    const round = open ?? newRound(before, timestamp(app.now()));
    const way = walk(app, round, signal);
    await poll(way.app, signal);
    before = round.began;
    const { runs, finished, ...mark } = way.progress();
    open = finished ? undefined : { ...round, ...mark };
    return { runs, finished };
  }

  return async (app, signal) => {
    const resumed = open !== undefined;
    const first = await goOn(app, signal);
    if (!resumed || !first.finished || signal.aborted) return first;
    const second = await goOn(app, signal);
    return { runs: first.runs + second.runs, finished: second.finished };
  };
}

function newRound(before: Timestamp | undefined, now: Timestamp): Round {
  const earliest = plus(now, -LONGEST_LOOK_MS);
  const minutes = [now];
  for (let minute = plus(now, -MINUTE); minute > earliest; minute = plus(minute, -MINUTE)) {
    if (before !== undefined && minute <= before) break;
    minutes.push(minute);
  }
  return { began: now, minutes };
}

/** The app as a round sees it: runs from its mark on, and the looks of all its minutes. */
function walk(app: App, { began, minutes, mark: start }: Round, signal: AbortSignal) {
  let runs = 0;
  let finished = false;
  let dueMoment = start?.dueAt;
  const ids = new Set(start?.ids);
  async function* due(...asked: Parameters<App["store"]["due"]>): AsyncIterable<Run> {
    const [, whose] = asked;
    // Runs of remote agents are only judged with their hosts: they are no part of the round.
    if (whose !== app.place) return yield* app.store.due(...asked);
    const from = start === undefined ? {} : { from: start.dueAt };
    for await (const run of untilAborted(signal, app.store.due(began, whose, from))) {
      const moment = dueAt(run.state, run.since) ?? run.since;
      if (start?.dueAt === moment && start.ids.has(run.id)) continue;
      // A poll that stops has worked on every run it took.
      runs += 1;
      if (moment !== dueMoment) ids.clear();
      dueMoment = moment;
      ids.add(run.id);
      yield run;
    }
    finished = !signal.aborted;
  }
  const looks = (run: Run) => minutes.some((minute) => app.looks(run, minute));
  // A copy, for a source that has hung may go on while nobody waits for it.
  const mark = () =>
    dueMoment === undefined ? {} : { mark: { dueAt: dueMoment, ids: new Set(ids) } };
  const progress = () => ({ runs, finished, ...mark() });
  return { app: { ...app, looks, store: { ...app.store, due } }, progress };
}
