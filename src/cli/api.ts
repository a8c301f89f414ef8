import type { LogPage } from "../backend.ts";
import { PermanentError } from "../errors.ts";
import type { JsonObject } from "../json.ts";
import type { Page } from "../store.ts";
import { type Answer, type Api, callApi } from "./call-api.ts";
import type { Client, SubmissionDocument } from "./client.ts";
import type {
  AgentDocument,
  ExplanationDocument,
  FlowDocument,
  RunDetail,
  RunDocument,
} from "./documents.ts";

const REST_MS = 1_000;

/** A client of an HTTP API. What is behind it works by itself: there is nothing to refresh from here. */
export function apiClient(api: Api): Client {
  const { get, post, put } = methodsOf(api);
  return {
    restMs: REST_MS,
    refresh: async () => undefined,
    dispatched: () => true,
    changes: () => [],
    submit: async (message) => submitted(await post("/runs", message)),
    rerun: async (id) => submitted(await post(`/runs/${id}/rerun`, {})),
    runs: async (query) => pageOf((await get("/runs", query)).body),
    run: async (id) => {
      try {
        return (await get(`/runs/${id}`)).body as RunDetail;
      } catch (error) {
        if (error instanceof PermanentError && error.code === "not_found") return undefined;
        throw error;
      }
    },
    cancel: async (id) => (await post(`/runs/${id}/cancel`, {})).body as RunDocument,
    logs: async (id, cursor) =>
      (await get(`/runs/${id}/logs`, cursor === undefined ? {} : { cursor })).body as LogPage,
    flows: async (query) => (await get("/flows", query)).body as Page<FlowDocument>,
    register: async (flow) => {
      const name = encodeURIComponent(String(flow["name"]));
      const { status, body } = await put(`/flows/${name}`, flow);
      const { warnings, ...registered } = body as FlowDocument & { warnings: readonly string[] };
      return { flow: registered, created: status === 201, warnings };
    },
    agents: async () => ((await get("/agents")).body as { items: readonly AgentDocument[] }).items,
    explainRun: async (id) => (await post("/explain", { run_id: id })).body as ExplanationDocument,
    explainRequest: async (message) =>
      (await post("/explain", message)).body as ExplanationDocument,
    close: () => undefined,
  };
}

function pageOf(body: unknown): Page<RunDocument> {
  const { looked_back_to: lookedBackTo, ...page } = body as Page<RunDocument> & {
    readonly looked_back_to?: string;
  };
  return { ...page, ...(lookedBackTo === undefined ? {} : { lookedBackTo }) };
}

function submitted({ status, body }: Answer): SubmissionDocument {
  const { warnings, ...run } = body as RunDocument & { warnings: readonly string[] };
  return { run, created: status !== 200, warnings };
}

function methodsOf(api: Api) {
  return {
    get: (path: string, query: object = {}) =>
      callApi(api, { method: "GET", path, query, repeatable: true }),
    post: (path: string, body: JsonObject) =>
      callApi(api, { method: "POST", path, body, repeatable: !path.endsWith("/rerun") }),
    put: (path: string, body: JsonObject) =>
      callApi(api, { method: "PUT", path, body, repeatable: true }),
  };
}
