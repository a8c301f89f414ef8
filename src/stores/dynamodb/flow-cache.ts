import { boundedMap } from "../../bounded.ts";
import type { RegisteredFlow } from "../../registry.ts";

/** How long it is believed which version of a flow is the newest, in milliseconds. */
export const FRESH_MS = 5_000;

/** The most versions that are remembered; a flow takes up to 256 KiB. */
const MOST = 100;

/**
 * What this process knows of registered flows. A version never changes, so it is known for ever; which one
 * is the newest only for `FRESH_MS`. Without it every run of a flow would read one partition, strongly
 * consistent, and none takes more than some thousand reads a second. That a flow is missing is never
 * believed: it would end runs that were asked for right after it was registered.
 */
export interface FlowCache {
  version(name: string, version: number): RegisteredFlow | undefined;
  newest(name: string): RegisteredFlow | undefined;
  /** Remembers a version, and since when it is the newest, if it is. */
  keep(flow: RegisteredFlow, newestSince?: Date): void;
}

/** An empty cache. */
export function flowCache(now: () => Date): FlowCache {
  const versions = boundedMap<RegisteredFlow>(MOST);
  const newest = boundedMap<{ readonly version: number; readonly since: Date }>(MOST);
  const version = (name: string, number: number) => versions.get(keyOf(name, number));
  return {
    version,
    newest(name) {
      const known = newest.get(name);
      if (known === undefined) return undefined;
      const age = now().getTime() - known.since.getTime();
      return age < FRESH_MS ? version(name, known.version) : undefined;
    },
    keep(flow, newestSince) {
      versions.put(keyOf(flow.name, flow.version), flow);
      // An answer may be older than what this process has registered meanwhile.
      if (newestSince === undefined || flow.version < (newest.get(flow.name)?.version ?? 0)) return;
      newest.put(flow.name, { version: flow.version, since: newestSince });
    },
  };
}

function keyOf(name: string, version: number): string {
  return `${version} ${name}`;
}
