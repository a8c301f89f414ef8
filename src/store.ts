import type { Issue } from "./errors.ts";
import type { JsonValue } from "./json.ts";
import type { RunRequest } from "./request.ts";
import type { Place, Run, RunState } from "./run.ts";
import type { Timestamp } from "./time.ts";

/** The part of a run that never changes. */
export interface RunBody {
  /** The message as it came: parsed, or its text if it could not be. */
  readonly received: JsonValue;
  /** What is asked for, completed from the registered flow; absent if the message has faults. */
  readonly request?: RunRequest;
  /** Its faults, where the head has room for some of them only; at most 64 KiB of them. */
  readonly issues?: readonly Issue[];
}

/** A run to be stored. */
export interface NewRun
  extends Pick<
    Run,
    "id" | "name" | "flow" | "labels" | "backend" | "place" | "createdAt" | "state"
  > {
  readonly body: RunBody;
}

/** How many items a page has unless asked for. */
export const DEFAULT_PAGE_SIZE = 50;
/** The most items a page may have. */
export const MAX_PAGE_SIZE = 500;

/** Which runs to list, newest first. All given filters must hold. */
export interface RunQuery {
  readonly flow?: string;
  readonly state?: RunState["type"];
  readonly agent?: string;
  readonly label?: string;
  /** Start of the run's name or id. */
  readonly search?: string;
  /** Only runs that were made before this moment. */
  readonly before?: Timestamp;
  /** The most runs of a page: 1 to 500. Default: 50. */
  readonly limit?: number;
  /** `next` of the page before. */
  readonly cursor?: string;
}

/** Part of a list. */
export interface Page<T> {
  readonly items: readonly T[];
  /** Pass it as `cursor` for what follows; absent at the end. */
  readonly next?: string;
  /** Set where a page ends before it is full although more may follow: all that is newer was looked at. */
  readonly lookedBackTo?: Timestamp;
}

/** When a run is moved, and where to. */
export interface Move {
  readonly now: Timestamp;
  /** Where it is worked on from now on. Default: where it was. */
  readonly place?: Place | undefined;
}

/** The most bytes a body of a run may take, in JSON. */
export const MAX_BODY_BYTES = 256 * 1024;

/**
 * PORT. Where runs and their states are kept; the only memory the handlers share.
 *
 * Every method may be called by many processes at once.
 */
export interface RunStore {
  /**
   * Inserts a run unless its id is known, and returns the head as stored and whether it is the one
   * given. The body is durable before the head is. A write of this very call that was answered late
   * counts as created.
   */
  create(run: NewRun): Promise<{ readonly run: Run; readonly created: boolean }>;

  /** The head of a run, never older than the newest finished write. */
  get(id: string): Promise<Run | undefined>;

  /** The body of a run. */
  body(id: string): Promise<RunBody | undefined>;

  /**
   * Moves a run to its next state; `since` changes only with the type of the state (see `sinceAfter`).
   * Returns nothing, and changes nothing, if `run` is not the newest revision. A write of this very call
   * that was answered late counts as done.
   */
  transition(run: Run, next: RunState, move: Move): Promise<Run | undefined>;

  /**
   * Every unfinished run of a place whose `dueAt` is not after `now`, the longest due first, in any order
   * where several became due at one moment. With `from`, only those that became due then or later.
   */
  due(now: Timestamp, place: Place, range?: { readonly from?: Timestamp }): AsyncIterable<Run>;

  /** Runs, newest first. */
  list(query: RunQuery): Promise<Page<Run>>;
}
