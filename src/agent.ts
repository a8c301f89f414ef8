import { brief } from "./brief.ts";

/** The value of a variable as agents and run configs write it. Null removes an inherited variable. */
export type EnvValue = string | number | boolean | null | SecretReference;

/** Variables by name, in order. */
export type EnvMap = Readonly<Record<string, EnvValue>>;

/** Stands for a value that is kept elsewhere: `env:NAME`, `ssm:NAME` or `secretsmanager:ID`. */
export interface SecretReference {
  readonly secret: string;
}

/** Whether a value is a reference to a secret. */
export function isSecretReference(value: unknown): value is SecretReference {
  return typeof value === "object" && value !== null && "secret" in value;
}

/** How runs reach Prefect, for the engines `prefect1` and `orion`. */
export interface PrefectSettings {
  /** Which API: Prefect's cloud or a server of one's own. Default: cloud. */
  readonly backend: "cloud" | "server";
  /**
   * Address of the API. Default for `prefect1`: https://api.prefect.io, or http://localhost:4200 with
   * `backend: server`; for `orion` none.
   */
  readonly api?: string;
  readonly api_key?: string | SecretReference;
  readonly tenant_id?: string;
  /** Default: INFO. */
  readonly logging_level: string;
  /** Whether runs send their logs to the API. Default: true. */
  readonly send_flow_run_logs: boolean;
}

/** A named target in `sluice.yml`. */
export interface Agent {
  readonly name: string;
  readonly backend: string;
  /** Runs go to an agent that has all their labels; a run without labels to one without labels. */
  readonly labels: readonly string[];
  /** Variables of every run it takes. */
  readonly env: EnvMap;
  readonly prefect: PrefectSettings;
  /** The prefixes below which a template named in a message must lie. */
  readonly templates: readonly string[];
  /** Keys a message may set although they open the machine: `privileged`, `binds` …; `*` is all. */
  readonly allow: readonly string[];
  /** Works on a machine of its own, through `sluice agent NAME`. */
  readonly remote: boolean;
  /** What its backend takes beside the keys all agents have, checked by it. Engines read a few of them. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** What a run asks of an agent. */
export interface Wanted {
  /** A backend's name, or `any`. */
  readonly backend: string;
  readonly labels: readonly string[];
}

/** Whether an agent takes a run, and if not, why. */
export interface Verdict {
  readonly agent: string;
  readonly takes: boolean;
  /** Labels of the run which the agent lacks. */
  readonly missing: readonly string[];
  /** The run asks for another backend. */
  readonly otherBackend: boolean;
  /** The run has no labels and the agent has some. */
  readonly unlabelled: boolean;
}

/**
 * The label rule: an agent takes a run if it has every label of it, and if a run without labels meets
 * an agent without labels. Labels compare exactly. A run config also names its backend, unless it fits
 * any.
 */
export function verdict(agent: Agent, wanted: Wanted): Verdict {
  const missing = [...new Set(wanted.labels)].filter((label) => !agent.labels.includes(label));
  const otherBackend = wanted.backend !== "any" && wanted.backend !== agent.backend;
  const unlabelled = wanted.labels.length === 0 && agent.labels.length > 0;
  const takes = missing.length === 0 && !otherBackend && !unlabelled;
  return { agent: agent.name, takes, missing, otherBackend, unlabelled };
}

/** The agent of a name, if `sluice.yml` has it. */
export function agentNamed(agents: readonly Agent[], name: string): Agent | undefined {
  return agents.find((agent) => agent.name === name);
}

/** The first agent that takes a run. */
export function matchAgent(agents: readonly Agent[], wanted: Wanted): Agent | undefined {
  return agents.find((agent) => verdict(agent, wanted).takes);
}

/** Why nobody takes a run: the nearest agent and what keeps it from the run, for people; short enough for a head. */
export function whyNoAgent(agents: readonly Agent[], wanted: Wanted): string {
  const run = `${wanted.backend === "any" ? "the run" : `the ${wanted.backend} run`} ${labelText(wanted.labels)}`;
  const nearest = [...agents].sort(
    (a, b) => distance(verdict(a, wanted)) - distance(verdict(b, wanted)),
  )[0];
  if (nearest === undefined) return brief(`no agent takes ${run}: sluice.yml has no agents`);
  const { missing, otherBackend, unlabelled } = verdict(nearest, wanted);
  const reasons = [
    ...(otherBackend ? [`its backend is ${nearest.backend}`] : []),
    ...(missing.length > 0 ? [`it lacks ${missing.map(quote).join(", ")}`] : []),
    ...(unlabelled ? ["it has labels, and a run without labels goes to an agent without"] : []),
  ];
  return brief(
    `no agent takes ${run}; nearest is ${nearest.name} ${labelText(nearest.labels)}: ${reasons.join(" and ")}`,
  );
}

/** An agent of another backend is further away than any number of labels. */
function distance({ missing, otherBackend, unlabelled }: Verdict): number {
  return (otherBackend ? 1_000 : 0) + missing.length + (unlabelled ? 1 : 0);
}

function labelText(labels: readonly string[]): string {
  return labels.length === 0 ? "without labels" : `[${labels.map(quote).join(", ")}]`;
}

function quote(label: string): string {
  return /^[\w.:/-]+$/.test(label) ? label : JSON.stringify(label);
}

/** How runs reach Prefect, unless the agent says otherwise. */
export const PREFECT_DEFAULTS: PrefectSettings = {
  backend: "cloud",
  logging_level: "INFO",
  send_flow_run_logs: true,
};
