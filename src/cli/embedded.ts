import { setTimeout as sleep } from "node:timers/promises";
import type { App } from "../app.ts";
import { cancel } from "../cancel.ts";
import { type Embedded, openEmbedded } from "../embedded/app.ts";
import { look, turn } from "../embedded/loop.ts";
import { explainRequest, explainRun } from "../explain.ts";
import { agentViews } from "../http/agent-view.ts";
import { explanationView, flowView, runDetailView, runView } from "../http/views.ts";
import type { Logger } from "../log.ts";
import { runLogs } from "../logs.ts";
import { registerFlow } from "../register.ts";
import { rerun, type Submission, submit } from "../submit.ts";
import type { Client, SubmissionDocument } from "./client.ts";
import type { RunDetail, RunDocument } from "./documents.ts";
import type { Settings } from "./settings.ts";

const REST_MS = 250;
/** A platform that does not answer holds up what people ask for no longer than this. */
const LONGEST_REFRESH_MS = 10_000;

/**
 * Whether a client only asks how jobs are, or also is the dispatcher, which launches runs with the agents,
 * the directory and the environment of this process.
 */
export type EmbeddedMode = "looks" | "launches";

/**
 * A client of the data folder, in this process. It works whenever it is refreshed, unless a lasting dispatcher
 * works on that folder.
 */
export async function embeddedClient(
  settings: Settings,
  { log, mode }: { readonly log: Logger; readonly mode: EmbeddedMode },
): Promise<Client> {
  let changes: RunDocument[] = [];
  const embedded = await openEmbedded({
    ...settings,
    log,
    changed: ({ run }) => void changes.push(runView(run)),
  });
  return clientOver(embedded.app, {
    restMs: REST_MS,
    refresh: refresher(embedded, { log, work: mode === "launches" ? turn : look }),
    dispatched: () => embedded.presence.kept(),
    changes: (id) => {
      const told = changes.filter((run) => run.id === id);
      changes = [];
      return told;
    },
    close: () => embedded.close(),
  });
}

/** What a client is beside its app. */
type Own = Pick<Client, "restMs" | "refresh" | "dispatched" | "changes" | "close">;

/** The client of an app in this process. */
export function clientOver(app: App, own: Own): Client {
  return {
    ...own,
    submit: async (message) => submitted(await submit(app, message)),
    rerun: async (id) => submitted(await rerun(app, id)),
    runs: async (query) => {
      const { items, ...page } = await app.store.list(query);
      return { items: items.map(runView), ...page };
    },
    run: (id) => detail(app, id),
    cancel: async (id) => runView(await cancel(app, id)),
    logs: (id, after) => runLogs(app, id, after),
    flows: async (query) => {
      const { items, ...page } = await app.registry.flows(query);
      return { items: items.map(flowView), ...page };
    },
    register: async (flow) => {
      const { registered, created, warnings } = await registerFlow(app, flow);
      return { flow: flowView(registered), created, warnings };
    },
    agents: () => agentViews(app),
    explainRun: async (id) => explanationView(await explainRun(app, id)),
    explainRequest: async (message) => explanationView(await explainRequest(app, message)),
  };
}

/** Works, once at a time; slow work goes on while what is known is shown. */
function refresher(
  embedded: Embedded,
  { log, work }: { readonly log: Logger; work(embedded: Embedded): Promise<unknown> },
): () => Promise<void> {
  let atWork: Promise<unknown> | undefined;
  let told = false;
  return async () => {
    if (atWork === undefined && embedded.presence.kept()) return;
    atWork ??= work(embedded).finally(() => {
      atWork = undefined;
    });
    const slow = sleep(LONGEST_REFRESH_MS, SLOW, { ref: false });
    if ((await Promise.race([atWork, slow])) !== SLOW || told) return;
    told = true;
    log.warn("not every platform has answered yet: what follows may be old");
  };
}

const SLOW = "slow";

function submitted({ run, created, warnings }: Submission): SubmissionDocument {
  return { run: runView(run), created, warnings };
}

async function detail(app: App, id: string): Promise<RunDetail | undefined> {
  const run = await app.store.get(id);
  return run === undefined ? undefined : runDetailView(run, await app.store.body(id));
}
