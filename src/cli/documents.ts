import type * as z from "zod";
import type { agentSchema } from "../http/agent-view.ts";
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
export type AgentDocument = z.infer<typeof agentSchema>;
