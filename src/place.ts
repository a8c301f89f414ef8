import type { Agent } from "./agent.ts";
import { CLOUD, type Place } from "./run.ts";

/**
 * Who works for an agent where functions dispatch. A function has neither a machine of its own nor a
 * Docker engine, so agents that need one work elsewhere, as do those marked `remote`.
 */
export function placeBesideFunctions({ name, backend, remote }: Agent): Place {
  return remote || backend === "local" || backend === "docker" ? name : CLOUD;
}
