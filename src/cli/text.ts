import { MINUTE, SECOND, type Timestamp } from "../time.ts";
import type { RunDocument } from "./documents.ts";
import type { Io, Style } from "./io.ts";

/** A moment as seen from now: "12 s ago", "in 3 h". */
export function fromNow(moment: Timestamp, now: Date): string {
  const ms = Date.parse(moment) - now.getTime();
  const span = duration(Math.abs(ms));
  if (span === "0 s") return "now";
  return ms < 0 ? `${span} ago` : `in ${span}`;
}

const UNITS = [
  ["d", 24 * 60 * MINUTE],
  ["h", 60 * MINUTE],
  ["min", MINUTE],
  ["s", SECOND],
] as const;

/** A span of time in its largest whole unit. */
export function duration(ms: number): string {
  const [unit, size] = UNITS.find(([, size]) => ms >= size) ?? ["s", SECOND];
  return `${Math.floor(ms / size)} ${unit}`;
}

const STYLES: Readonly<Record<string, Style>> = {
  scheduled: "cyan",
  waiting: "yellow",
  launching: "blue",
  submitted: "blue",
  running: "blue",
  cancelling: "yellow",
  succeeded: "green",
  failed: "red",
  crashed: "red",
  timed_out: "red",
  cancelled: "yellow",
};

/** A state's name in its colour. */
export function stateName(io: Io, { state }: RunDocument): string {
  return io.paint(STYLES[state] ?? "bold", state);
}

/** What there is to say of the state a run is in, after its name. */
export function stateDetail(run: RunDocument, now: Date): string {
  const { state, agent, job, message, next_try: start } = run;
  if (message !== undefined) return message;
  if (state === "scheduled" && start !== undefined) {
    return Date.parse(start) <= now.getTime() ? "starts now" : `starts ${fromNow(start, now)}`;
  }
  if (agent === undefined) return "";
  return `on agent ${agent}${job === undefined ? "" : ` as ${job.id}`}`;
}

/** What was given as text must not move the cursor of a terminal. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (char) => (char === "\t" ? " " : "\uFFFD"));
}
