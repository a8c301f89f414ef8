import * as z from "zod";
import { checked } from "../../check.ts";
import { PermanentError } from "../../errors.ts";
import { flowSchema } from "../../flow.ts";
import { registerFlow } from "../../register.ts";
import { PAGE_SIZE_TEXT, pageSize, wholeNumber } from "../query.ts";
import type { Route } from "../route.ts";
import { flowView, flowViewSchema } from "../views.ts";

const registrationSchema = flowViewSchema.extend({ warnings: z.array(z.string()) });
const pageSchema = z.strictObject({
  limit: pageSize.optional(),
  cursor: z.string().optional(),
});
const versionSchema = z.strictObject({ version: wholeNumber({ least: 1 }).optional() });

/** Registered flows. */
export const flowRoutes: readonly Route[] = [
  {
    method: "PUT",
    path: "/flows/:name",
    operationId: "registerFlow",
    summary: "Registers a flow: a new version only if its content changed.",
    scope: "run",
    body: flowSchema.partial({ name: true }),
    responses: {
      201: { description: "A new version.", schema: registrationSchema },
      200: {
        description: "Its content is that of the newest version.",
        schema: registrationSchema,
      },
    },
    handle: async ({ app, body, params: { name = "" } }) => {
      const { registered, created, warnings } = await registerFlow(app, body, name);
      return { status: created ? 201 : 200, body: { ...flowView(registered), warnings } };
    },
  },
  {
    method: "GET",
    path: "/flows",
    operationId: "listFlows",
    summary: "The newest version of each flow, by name.",
    scope: "read",
    query: { limit: PAGE_SIZE_TEXT, cursor: "next of the page before." },
    responses: {
      200: {
        description: "A page of flows.",
        schema: z.object({ items: z.array(flowViewSchema), next: z.string().optional() }),
      },
    },
    handle: async ({ app, query }) => {
      const { limit, cursor } = checked(pageSchema, query, "the query");
      const { items, next } = await app.registry.flows({
        ...(limit === undefined ? {} : { limit }),
        ...(cursor === undefined ? {} : { cursor }),
      });
      return { status: 200, body: { items: items.map(flowView), ...(next ? { next } : {}) } };
    },
  },
  {
    method: "GET",
    path: "/flows/:name",
    operationId: "getFlow",
    summary: "A flow: its newest version, or the one asked for.",
    scope: "read",
    query: { version: "Number of the version." },
    responses: { 200: { description: "The flow.", schema: flowViewSchema } },
    handle: async ({ app, params: { name = "" }, query }) => {
      const { version } = checked(versionSchema, query, "the query");
      const registered = await app.registry.flow(name, version);
      if (registered === undefined) {
        throw new PermanentError(
          "not_found",
          `no flow ${name}${version === undefined ? "" : ` version ${version}`} is registered`,
        );
      }
      return { status: 200, body: flowView(registered) };
    },
  },
];
