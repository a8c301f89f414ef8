import * as z from "zod";
import type { Agent } from "../agent.ts";
import type { App } from "../app.ts";
import { type AgentHost, isOnline } from "../hosts.ts";
import { timestamp } from "../time.ts";

/** An agent as the API shows it. */
export const agentSchema = z.object({
  name: z.string(),
  backend: z.string(),
  labels: z.array(z.string()),
  env: z.array(z.string()).describe("Names of its variables; values are never shown."),
  remote: z.boolean().describe("Whether a host on a machine of its own works for it."),
  online: z
    .boolean()
    .optional()
    .describe("Of a remote agent: whether its host was seen within the last minute."),
  last_seen: z.iso.datetime().optional().describe("When the host was last seen, if it ever was."),
  machine: z.string().optional().describe("What the machine of the host is called."),
  version: z.string().optional().describe("The version of Sluice its host runs."),
});

/** An agent as the API shows it. */
export type AgentView = z.infer<typeof agentSchema>;

/** All agents of an app in their order, and what is known of their hosts. */
export async function agentViews(app: App): Promise<AgentView[]> {
  const hosts = app.agents.some((agent) => isElsewhere(app, agent)) ? await app.hosts.list() : [];
  return app.agents.map((agent) => ({
    name: agent.name,
    backend: agent.backend,
    labels: [...agent.labels],
    env: Object.keys(agent.env),
    remote: isElsewhere(app, agent),
    ...(isElsewhere(app, agent) ? hostView(app, agent, hosts) : {}),
  }));
}

function isElsewhere(app: App, agent: Agent): boolean {
  return app.placeOf(agent) !== app.place;
}

function hostView(app: App, { name }: Agent, hosts: readonly AgentHost[]) {
  const host = hosts.find(({ agent }) => agent === name);
  if (host === undefined) return { online: false };
  const { lastSeen, machine, version } = host;
  return {
    online: isOnline(host, timestamp(app.now())),
    last_seen: lastSeen,
    machine,
    version,
  };
}
