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

/** Where a run stands in the order in which runs are due. */
type Place = readonly [dueAt: Timestamp, id: string];

/** One way through all runs that are due; it may take several ticks. */
interface Round {
  readonly began: Timestamp;
  /** The minutes since the round before: a job to be looked at in one of them is looked at now. */
  readonly minutes: readonly Timestamp[];
  /** The last run worked on, if the round was broken off. */
  readonly after?: Place;
}

/**
 * Polls in rounds. What one tick has no time for comes first in the next, so that many runs at the front
 * never keep those behind them from their turn, and no look falls into a minute nobody has worked in.
 *
 * Rounds are remembered by the process alone. One that starts anew begins at the front: that costs time
 * and harms nothing.
 */
export function pollInRounds(): Tick {
  let open: Round | undefined;
  let before: Timestamp | undefined;

  async function goOn(app: App, signal: AbortSignal): Promise<TickReport> {
    const round = open ?? newRound(before, timestamp(app.now()));
    before = round.began;
    const way = walk(app, round);
    await poll(way.app, signal);
    const { runs, finished, last } = way.progress();
    open = finished ? undefined : { ...round, ...(last === undefined ? {} : { after: last }) };
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
    if (before === undefined || minute <= before) break;
    minutes.push(minute);
  }
  return { began: now, minutes };
}

/** The app as a round sees it: runs from its mark on, and the looks of all its minutes. */
function walk(app: App, { minutes, after }: Round) {
  const progress: { runs: number; finished: boolean; last?: Place } = {
    runs: 0,
    finished: false,
    ...(after === undefined ? {} : { last: after }),
  };
  async function* due(...asked: Parameters<App["store"]["due"]>): AsyncIterable<Run> {
    const [, whose] = asked;
    // Runs of remote agents are only judged with their hosts: they are no part of the round.
    if (whose !== app.place) return yield* app.store.due(...asked);
    for await (const run of app.store.due(...asked)) {
      const place = placeOf(run);
      if (after !== undefined && !isAfter(place, after)) continue;
      // A poll that stops has worked on every run it took.
      progress.runs += 1;
      progress.last = place;
      yield run;
    }
    progress.finished = true;
  }
  const looks = (run: Run) => minutes.some((minute) => app.looks(run, minute));
  return { app: { ...app, looks, store: { ...app.store, due } }, progress: () => progress };
}

function placeOf({ id, state, since }: Run): Place {
  return [dueAt(state, since) ?? since, id];
}

function isAfter([dueA, idA]: Place, [dueB, idB]: Place): boolean {
  return dueA === dueB ? idA > idB : dueA > dueB;
}
