import type { App } from "./app.ts";
import { invalid, PermanentError } from "./errors.ts";
import type { Flow } from "./flow.ts";
import { parseFlowDocument } from "./flow-document.ts";
import { canonicalJson, isJsonObject } from "./json.ts";
import type { RegisteredFlow } from "./registry.ts";
import { MAX_BODY_BYTES } from "./store.ts";
import { timestamp } from "./time.ts";

/** What came of registering a flow. */
export interface Registration {
  readonly registered: RegisteredFlow;
  /** Whether this made a new version; false if the newest one has the same content. */
  readonly created: boolean;
  readonly warnings: readonly string[];
}

/**
 * Registers a flow: a new version only if its content differs from the newest one. A `version` in the
 * document is not content, for versions are counted here. `name` must agree with the document's, and
 * may stand for it. Throws `PermanentError`: "invalid" with all faults, or "too_large".
 */
export async function registerFlow(
  app: Pick<App, "registry" | "now">,
  document: unknown,
  name?: string,
): Promise<Registration> {
  const named = isJsonObject(document) && name !== undefined ? { name, ...document } : document;
  const { flow, warnings } = parseFlowDocument(named);
  if (name !== undefined && flow.name !== name) {
    throw invalid("the flow", [
      { path: "name", message: `expected ${name}, as it is addressed, got ${flow.name}` },
    ]);
  }
  const { version: _, ...content } = flow;
  refuseLargeFlow(content);
  const now = timestamp(app.now());
  const before = await app.registry.flow(flow.name);
  const registered = await app.registry.register(content, now);
  // What was the newest before may be known late, and then another process has made this one.
  const created = registered.version !== before?.version && registered.registeredAt === now;
  return { registered, created, warnings };
}

/** Throws `PermanentError` ("too_large") for a flow that no run could carry. */
function refuseLargeFlow(flow: Flow): void {
  const bytes = Buffer.byteLength(canonicalJson(flow));
  if (bytes <= MAX_BODY_BYTES) return;
  throw new PermanentError(
    "too_large",
    `flow ${flow.name} takes ${bytes} bytes to store: expected at most ${MAX_BODY_BYTES}; store large parameters elsewhere and pass their address`,
  );
}
