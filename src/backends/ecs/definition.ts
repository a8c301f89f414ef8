import type { EngineName } from "../../engine.ts";
import { asJson, canonicalJson, type JsonObject } from "../../json.ts";
import { slug } from "../../text/slug.ts";
import { FLOW_CONTAINER, flowIn, hash, LOG_PREFIX } from "./names.ts";
import type { ContainerSecret, ContainerTemplate, Template } from "./schema.ts";

/** What a task definition is made of. Nothing here differs between two runs of the same content. */
export interface DefinitionParts {
  /** Sizes in it are normalised already. */
  readonly template: Template;
  readonly image: string;
  readonly engine: EngineName;
  readonly flowName: string;
  /** What the agent's tasks run on. */
  readonly launchType: string | undefined;
  /** For templates that have none. */
  readonly executionRole: string | undefined;
  readonly secrets: readonly ContainerSecret[];
  /** Where output goes if the template does not say it. */
  readonly logs: { readonly group: string; readonly region: string } | undefined;
}

/**
 * The input of RegisterTaskDefinition for a run: its template with the flow's container completed.
 *
 * The family ends in a hash of all the rest, so equal content has one family and changed content another
 * one: whoever finds the family knows the content.
 */
export function definitionOf(parts: DefinitionParts): JsonObject {
  const content = asJson(contentOf(parts));
  const digest = hash(canonicalJson(content)).slice(0, 12);
  const words = slug(parts.flowName, { maxLength: MAX_SLUG, wordBoundary: true });
  const family = words === "" ? `sluice-${digest}` : `sluice-${words}-${digest}`;
  return { ...content, family, tags: tagsOf(parts, digest) };
}

/** A family has at most 255 characters: `sluice-`, the slug, a dash and twelve digits. */
const MAX_SLUG = 255 - "sluice-".length - "-".length - 12;

/** The container that runs the flow: the first one named `flow`, else a new one at the end. */
export function flowContainer(template: Template): ContainerTemplate {
  return flowIn(template.containerDefinitions) ?? { name: FLOW_CONTAINER };
}

function contentOf(parts: DefinitionParts) {
  const { template, launchType, executionRole } = parts;
  const known = flowContainer(template);
  const completed = complete(known, parts);
  const containers = template.containerDefinitions ?? [];
  return {
    ...template,
    containerDefinitions: containers.includes(known)
      ? containers.map((container) => (container === known ? completed : container))
      : [...containers, completed],
    ...("executionRoleArn" in template || !executionRole
      ? {}
      : { executionRoleArn: executionRole }),
    ...("requiresCompatibilities" in template || launchType === undefined
      ? {}
      : { requiresCompatibilities: [launchType] }),
  };
}

function complete(container: ContainerTemplate, parts: DefinitionParts): ContainerTemplate {
  const secret = new Set(parts.secrets.map(({ name }) => name));
  const environment = environmentOf(container, parts)?.filter(({ name }) => !secret.has(name));
  const inherited = (container.secrets ?? []).filter(({ name }) => !secret.has(name));
  const secrets = [...inherited, ...parts.secrets];
  return {
    ...container,
    image: parts.image,
    ...(environment === undefined ? {} : { environment }),
    ...(container.secrets === undefined && secrets.length === 0 ? {} : { secrets }),
    ...(container.logConfiguration || parts.logs === undefined
      ? {}
      : { logConfiguration: awslogs(parts.logs) }),
  };
}

const IMAGE = "PREFECT__CONTEXT__IMAGE";

/** Prefect 1 tells the flow its image here, for it belongs to the definition and not to the run. */
function environmentOf(container: ContainerTemplate, { engine, image }: DefinitionParts) {
  if (engine !== "prefect1") return container.environment;
  const others = (container.environment ?? []).filter(({ name }) => name !== IMAGE);
  return [{ name: IMAGE, value: image }, ...others];
}

function awslogs({ group, region }: { readonly group: string; readonly region: string }) {
  return {
    logDriver: "awslogs",
    options: {
      "awslogs-group": group,
      "awslogs-region": region,
      "awslogs-stream-prefix": LOG_PREFIX,
    },
  };
}

/** Tags are for people; nothing reads them. A template's own stay, but for those of our names. */
function tagsOf({ template, flowName }: DefinitionParts, digest: string) {
  const ours = [
    {
      key: "sluice:flow",
      value: flowName.replace(/[^\p{L}\p{Z}\p{N}_.:/=+\-@]/gu, "-").slice(0, 256),
    },
    { key: "sluice:definition", value: digest },
  ];
  const names = new Set(ours.map(({ key }) => key));
  return [...(template.tags ?? []).filter(({ key }) => !names.has(key)), ...ours];
}
