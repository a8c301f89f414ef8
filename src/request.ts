import type { Flow } from "./flow.ts";
import type { JsonObject } from "./json.ts";
import type { Timestamp } from "./time.ts";

/** What a run is to do, completed: stored with the run and never changed. */
export interface RunRequest {
  readonly flow: Flow;
  /** The effective run config in wire form: after override and patch. */
  readonly runConfig: JsonObject;
  /** The effective labels, sorted, each once. */
  readonly labels: readonly string[];
  readonly parameters: JsonObject;
  readonly scheduledStart?: Timestamp;
}
