import { readFileSync } from "node:fs";
import * as z from "zod";
import { PermanentError } from "../../errors.ts";
import type { Route } from "../route.ts";

/** What the API tells of itself. */
export const metaRoutes: readonly Route[] = [
  {
    method: "GET",
    path: "/health",
    operationId: "getHealth",
    summary: "Whether the store answers.",
    scope: "open",
    responses: { 200: { description: "It does.", schema: z.object({ ok: z.literal(true) }) } },
    handle: async ({ app }) => {
      // Open to everybody, so it must cost next to nothing: one read, of a run that need not exist.
      await app.store.get("health");
      return { status: 200, body: { ok: true } };
    },
  },
  {
    method: "GET",
    path: "/schemas/:name",
    operationId: "getSchema",
    summary: "A JSON Schema (draft 2020-12): message, flow, sluice.yml or a run config.",
    scope: "read",
    responses: { 200: { description: "The schema.", schema: z.record(z.string(), z.unknown()) } },
    handle: async ({ params: { name = "" } }) => ({
      status: 200,
      body: readSchema(name.replace(/\.json$/, "")),
    }),
  },
];

/** The generated files lie beside `src/` and `dist/` alike. */
function readSchema(name: string): unknown {
  if (/^[a-z0-9-]+$/i.test(name)) {
    for (const up of ["../../../schemas/", "../schemas/"]) {
      try {
        return JSON.parse(readFileSync(new URL(`${up}${name}.json`, import.meta.url), "utf8"));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      }
    }
  }
  throw new PermanentError("not_found", `there is no schema ${name}`);
}
