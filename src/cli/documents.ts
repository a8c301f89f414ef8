import type * as z from "zod";
import type { Agent } from "../agent.ts";
import type {
  explanationSchema,
  flowViewSchema,
  runDetailSchema,
  runSchema,
} from "../http/views.ts";

/** What commands show is what the API answers, wherever it comes from. */
export type RunDocument = z.infer<typeof runSchema>;
export type RunDetail = z.infer<typeof runDetailSchema>;
export type FlowDocument = z.infer<typeof flowViewSchema>;
export type ExplanationDocument = z.infer<typeof explanationSchema>;

/** An agent without the values of its variables. */
export interface AgentDocument extends Pick<Agent, "name" | "backend" | "labels" | "remote"> {
  /** Names of the variables of its runs. */
  readonly env: readonly string[];
}
