import * as z from "zod";
import { PermanentError } from "../../errors.ts";
import { explainRequest, explainRun } from "../../explain.ts";
import { isJsonObject } from "../../json.ts";
import { messageSchema } from "../../message.ts";
import { plan } from "../../plan.ts";
import { agentSchema, agentViews } from "../agent-view.ts";
import type { Call, Route } from "../route.ts";
import { allows } from "../tokens.ts";
import { explanationSchema, explanationView } from "../views.ts";

const planSchema = z.union([
  z.object({
    ok: z.literal(true),
    agent: z.string(),
    backend: z.string(),
    warnings: z.array(z.string()),
    launch: z.record(z.string(), z.unknown()).describe("Exactly what would be sent."),
  }),
  z.object({
    ok: z.literal(false),
    error: z.object({
      code: z.string(),
      message: z.string(),
      issues: z.array(z.object({ path: z.string(), message: z.string() })),
    }),
  }),
]);

/** Agents, and what they would do with a run. */
export const agentRoutes: readonly Route[] = [
  {
    method: "GET",
    path: "/agents",
    operationId: "listAgents",
    summary: "The agents of sluice.yml, in its order.",
    scope: "read",
    responses: {
      200: { description: "All agents.", schema: z.object({ items: z.array(agentSchema) }) },
    },
    handle: async ({ app }) => ({ status: 200, body: { items: await agentViews(app) } }),
  },
  {
    method: "POST",
    path: "/plan",
    operationId: "planRun",
    summary:
      "Says exactly what would be launched for a message; launches nothing. An agent brought along needs scope admin.",
    scope: "run",
    body: messageSchema,
    responses: { 200: { description: "The plan, or why there is none.", schema: planSchema } },
    handle: async (call) => {
      refuseForeignAgent(call);
      return { status: 200, body: await plan(call.app, call.body) };
    },
  },
  {
    method: "POST",
    path: "/explain",
    operationId: "explainRun",
    summary:
      "Which agent takes a run, or why none does: for a message, or for a stored run by its run_id.",
    scope: "read",
    body: z.union([messageSchema, z.object({ run_id: z.string() })]),
    responses: { 200: { description: "The explanation.", schema: explanationSchema } },
    handle: async ({ app, body }) => {
      const stored = isJsonObject(body) && !("flow" in body) ? body["run_id"] : undefined;
      const explanation =
        typeof stored === "string"
          ? await explainRun(app, stored)
          : await explainRequest(app, body);
      return { status: 200, body: explanationView(explanation) };
    },
  },
];

/** An agent of the caller's own makes this process read the files and reach the hosts it names. */
function refuseForeignAgent({ body, token }: Call): void {
  if (!isJsonObject(body) || body["agent"] === undefined) return;
  if (token !== undefined && allows(token.scope, "admin")) return;
  throw new PermanentError(
    "forbidden",
    "a plan with an agent of its own needs a token of scope admin",
  );
}
