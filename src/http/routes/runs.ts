import { createHash } from "node:crypto";
import * as z from "zod";
import { cancel } from "../../cancel.ts";
import { checked } from "../../check.ts";
import { existingRun } from "../../existing-run.ts";
import { runLogs } from "../../logs.ts";
import { messageSchema } from "../../message.ts";
import { STATES } from "../../run.ts";
import type { RunQuery } from "../../store.ts";
import { rerun, type Submission, submit } from "../../submit.ts";
import { PAGE_SIZE_TEXT, pageSize } from "../query.ts";
import type { Answer, Call, Route } from "../route.ts";
import { runDetailSchema, runDetailView, runSchema, runView } from "../views.ts";

const submissionSchema = runSchema.extend({ warnings: z.array(z.string()) });

const querySchema = z.strictObject({
  flow: z.string().optional(),
  state: z.enum(STATES).optional(),
  agent: z.string().optional(),
  label: z.string().optional(),
  search: z.string().optional(),
  limit: pageSize.optional(),
  cursor: z.string().optional(),
});

const logsQuerySchema = z.strictObject({ cursor: z.string().optional() });

const logsSchema = z.object({
  lines: z.array(
    z.object({
      time: z.string().optional(),
      stream: z.enum(["stdout", "stderr"]).optional(),
      text: z.string(),
    }),
  ),
  next: z.string().describe("Pass it as cursor for what follows."),
  complete: z.boolean().describe("True when nothing follows."),
});

/** Runs: asking for them, looking at them, ending them. */
export const runRoutes: readonly Route[] = [
  {
    method: "POST",
    path: "/runs",
    operationId: "submitRun",
    summary:
      "Asks for a run. The same run_id, or the same Idempotency-Key, with the same request is the same run.",
    scope: "run",
    body: messageSchema,
    responses: {
      202: { description: "The run is stored and on the queue.", schema: submissionSchema },
      200: { description: "The same request was made before.", schema: submissionSchema },
    },
    handle: async (call) => submitted(await submit(call.app, call.body, defaultId(call))),
  },
  {
    method: "GET",
    path: "/runs",
    operationId: "listRuns",
    summary: "Runs, newest first.",
    scope: "read",
    query: {
      flow: "Name of the flow.",
      state: "One of the states.",
      agent: "Name of the agent.",
      label: "A label the run has.",
      search: "Start of its name or id.",
      limit: PAGE_SIZE_TEXT,
      cursor: "next of the page before.",
    },
    responses: {
      200: {
        description: "A page of runs.",
        schema: z.object({
          items: z.array(runSchema),
          next: z.string().optional(),
          looked_back_to: z.iso
            .datetime()
            .optional()
            .describe(
              "Set where the page ends before it is full: all runs made since were looked at.",
            ),
        }),
      },
    },
    handle: async ({ app, query }) => {
      const { items, next, lookedBackTo } = await app.store.list(readQuery(query));
      const body = {
        items: items.map(runView),
        ...(next === undefined ? {} : { next }),
        ...(lookedBackTo === undefined ? {} : { looked_back_to: lookedBackTo }),
      };
      return { status: 200, body };
    },
  },
  {
    method: "GET",
    path: "/runs/:id",
    operationId: "getRun",
    summary: "A run, with what it was asked to do.",
    scope: "read",
    responses: { 200: { description: "The run.", schema: runDetailSchema } },
    handle: async ({ app, params: { id = "" } }) => {
      const run = await existingRun(app.store, id);
      return { status: 200, body: runDetailView(run, await app.store.body(id)) };
    },
  },
  {
    method: "POST",
    path: "/runs/:id/cancel",
    operationId: "cancelRun",
    summary: "Asks that a run ends. One that has ended stays as it is.",
    scope: "run",
    responses: { 202: { description: "The run as it is then.", schema: runSchema } },
    handle: async ({ app, params: { id = "" } }) => ({
      status: 202,
      body: runView(await cancel(app, id)),
    }),
  },
  {
    method: "POST",
    path: "/runs/:id/rerun",
    operationId: "rerunRun",
    summary: "Asks for the same again, as a new run that starts at once.",
    scope: "run",
    responses: { 202: { description: "The new run.", schema: submissionSchema } },
    handle: async ({ app, params: { id = "" } }) => submitted(await rerun(app, id)),
  },
  {
    method: "GET",
    path: "/runs/:id/logs",
    operationId: "getRunLogs",
    summary: "What the job of a run has written.",
    scope: "read",
    query: { cursor: "next of the page before." },
    responses: { 200: { description: "A page of lines.", schema: logsSchema } },
    handle: async ({ app, params: { id = "" }, query }) => {
      const { cursor } = checked(logsQuerySchema, query, "the query");
      return { status: 200, body: await runLogs(app, id, cursor) };
    },
  },
];

function submitted({ run, created, warnings }: Submission): Answer {
  return {
    status: created ? 202 : 200,
    body: { ...runView(run), warnings },
    headers: { location: `/runs/${run.id}` },
  };
}

/** The same caller and key always give the same id, so that a repeated request is the same run. */
function defaultId({ header, token, app }: Call): string {
  const key = header("idempotency-key");
  if (key === undefined) return app.newId();
  return createHash("sha256")
    .update(JSON.stringify([token?.name, key]))
    .digest("hex")
    .slice(0, 40);
}

function readQuery(query: Readonly<Record<string, string>>): RunQuery {
  const given = Object.entries(checked(querySchema, query, "the query"));
  return Object.fromEntries(given.filter(([, value]) => value !== undefined));
}
