import type { LogPage } from "../backend.ts";
import type { JsonObject } from "../json.ts";
import type { Page, RunQuery } from "../store.ts";
import type {
  AgentDocument,
  ExplanationDocument,
  FlowDocument,
  RunDetail,
  RunDocument,
} from "./documents.ts";

/** What came of asking for a run. */
export interface SubmissionDocument {
  readonly run: RunDocument;
  /** False if the same request was made before. */
  readonly created: boolean;
  readonly warnings: readonly string[];
}

/**
 * What commands work through: the core in this process, or an HTTP API. Either way it throws
 * `PermanentError` for what can never work.
 */
export interface Client {
  /** How long to rest between two looks at a run, in milliseconds. */
  readonly restMs: number;
  /** Brings what is known up to date, as far as that is the business of this process. */
  refresh(): Promise<void>;
  /** Whether runs are launched when this process has ended, as far as it knows. */
  dispatched(): boolean;
  /** How a run was after each of its changes since this was asked last, as far as this process knows. */
  changes(id: string): readonly RunDocument[];
  submit(message: JsonObject): Promise<SubmissionDocument>;
  rerun(id: string): Promise<SubmissionDocument>;
  runs(query: RunQuery): Promise<Page<RunDocument>>;
  /** A run by its id; undefined if there is none. */
  run(id: string): Promise<RunDetail | undefined>;
  cancel(id: string): Promise<RunDocument>;
  /** What the newest job of a run has written, from `after` on; an empty page while there is no job. */
  logs(id: string, after?: string): Promise<LogPage>;
  flows(query: { readonly cursor?: string }): Promise<Page<FlowDocument>>;
  register(flow: JsonObject): Promise<RegistrationDocument>;
  agents(): Promise<readonly AgentDocument[]>;
  explainRun(id: string): Promise<ExplanationDocument>;
  explainRequest(message: JsonObject): Promise<ExplanationDocument>;
  /** Ends what keeps the process busy. Jobs go on. */
  close(): void;
}

/** What came of registering a flow. */
export interface RegistrationDocument {
  readonly flow: FlowDocument;
  /** Whether it is a new version. */
  readonly created: boolean;
  readonly warnings: readonly string[];
}
