import type { World } from "../../backend.ts";
import { canonicalJson, isJsonObject, type JsonObject, type JsonValue } from "../../json.ts";
import type { EcsApi, Within } from "./api.ts";
import { faultOf, kindOf, unlessUnknown } from "./errors.ts";

/** Task definitions as they are registered: once for each content, and then never again. */
export interface Definitions {
  /**
   * What to run for a definition: from memory, from the registry, from AWS, or freshly registered.
   * Throws what AWS answers if it can be neither found nor registered.
   */
  revisionOf(region: string, definition: JsonObject): Promise<Revision>;
  /**
   * The same after AWS has said that none of `inactive` may be run any more, oldest first. It may be
   * inactive too, and is one of them again if the registry goes round in a circle.
   */
  revisionAfter(
    region: string,
    definition: JsonObject,
    inactive: readonly string[],
  ): Promise<Revision>;
}

/** A revision of a task definition. */
export interface Revision {
  readonly arn: string;
  /** Whether this process had it from AWS. One from the registry may have a successor there. */
  readonly newest: boolean;
}

/** What registering once rests on. */
export interface Registering {
  readonly once: World["once"];
  /** Tells apart what must not share ARNs, such as accounts. */
  readonly scope: string;
  /** Ends the making of one definition. Default: after `MAKING_MS`. */
  readonly deadline?: () => AbortSignal;
}

/**
 * How long finding or registering a definition may take, in milliseconds. Stores believe whoever holds a
 * `once` to be alive for a minute; whoever took longer might register beside a successor.
 */
export const MAKING_MS = 45_000;

/** How long one attempt of a call may take: a first one without answer leaves time for others. */
const ATTEMPT_MS = 6_000;

/**
 * Registers each content once, however many launches ask at the same time, in this process or another.
 *
 * The registry keeps a value for ever, so the successor of an inactive revision is kept under a key that
 * names the revision. A process that has just started follows these from the first one on, and remembers
 * where it has come.
 */
export function openDefinitions(
  api: EcsApi,
  { once, scope, deadline = () => AbortSignal.timeout(MAKING_MS) }: Registering,
): Definitions {
  const known = new Map<string, Promise<Revision>>();
  const share = (name: string, make: () => Promise<Revision>) => {
    const fresh = make();
    known.set(name, fresh);
    fresh.catch(() => {
      if (known.get(name) === fresh) known.delete(name);
    });
    return fresh;
  };
  const find = async (wanted: Wanted): Promise<Revision> => {
    const { region, definition, inactive } = wanted;
    const key = `ecs-task-definition/${scope}/${region}/${familyOf(definition)}`;
    const last = inactive.at(-1);
    let newest = false;
    const arn = await once(last === undefined ? key : `${key} after ${last}`, () => {
      newest = true;
      return findOrRegister(api, wanted, { abortSignal: deadline(), requestTimeout: ATTEMPT_MS });
    });
    return { arn, newest };
  };
  return {
    revisionOf: (region, definition) => {
      const name = nameOf(region, definition);
      return known.get(name) ?? share(name, () => find({ region, definition, inactive: [] }));
    },
    revisionAfter: async (region, definition, inactive) => {
      const name = nameOf(region, definition);
      const current = await known.get(name);
      // Another launch has seen it before this one did.
      if (current !== undefined && !inactive.includes(current.arn)) return current;
      return share(name, () => find({ region, definition, inactive }));
    },
  };
}

function familyOf(definition: JsonObject): string {
  return String(definition["family"]);
}

function nameOf(region: string, definition: JsonObject): string {
  return `${region}/${familyOf(definition)}`;
}

interface Wanted {
  readonly region: string;
  readonly definition: JsonObject;
  /** Revisions that may not be run any more, oldest first. */
  readonly inactive: readonly string[];
}

async function findOrRegister(api: EcsApi, wanted: Wanted, within: Within): Promise<string> {
  const found = await findRegistered(api, wanted, within);
  if (found !== undefined) return found;
  try {
    return await api.registerTaskDefinition(wanted.region, wanted.definition, within);
  } catch (error) {
    if (kindOf(faultOf(error)) !== "contention") throw error;
    const winner = await findRegistered(api, wanted, within);
    if (winner !== undefined) return winner;
    throw error;
  }
}

/**
 * The newest active revision of the family, if it says what we would register. The name holds a hash of
 * the content, but anybody may add a revision by hand.
 */
async function findRegistered(
  api: EcsApi,
  { region, definition, inactive }: Wanted,
  within: Within,
): Promise<string | undefined> {
  const family = familyOf(definition);
  const described = await unlessUnknown(() => api.describeTaskDefinition(region, family, within));
  const arn = described?.["taskDefinitionArn"];
  if (described === undefined || typeof arn !== "string" || inactive.includes(arn)) {
    return undefined;
  }
  const { tags: _, ...content } = definition;
  const theirs = Object.entries(described).filter(([key]) => !OF_AWS.has(key));
  const same = says(Object.fromEntries(theirs), content);
  return described["status"] !== "INACTIVE" && same ? arn : undefined;
}

/** What AWS alone says of a definition. */
const OF_AWS = new Set([
  "taskDefinitionArn",
  "revision",
  "status",
  "requiresAttributes",
  "compatibilities",
  "registeredAt",
  "registeredBy",
  "deregisteredAt",
  "deleteRequestedAt",
  "tags",
]);

/**
 * Whether AWS's description says what we say. AWS may order lists of named things as it likes, leave out
 * what is empty, and add defaults: numbers, truths and empty lists. A text it adds is somebody's change;
 * should it be a default we do not know, a second revision is registered and no harm done.
 */
export function says(described: JsonValue | undefined, ours: JsonValue | undefined): boolean {
  if (isEmpty(ours)) return isDefault(described);
  if (Array.isArray(ours)) {
    if (!Array.isArray(described) || described.length !== ours.length) return false;
    const theirs = inOrder(described);
    return inOrder(ours).every((item, index) => says(theirs[index], item));
  }
  if (isJsonObject(ours)) {
    if (!isJsonObject(described)) return false;
    const keys = new Set([...Object.keys(described), ...Object.keys(ours)]);
    return [...keys].every((key) => says(described[key], ours[key]));
  }
  return described === ours;
}

function isDefault(value: JsonValue | undefined): boolean {
  return typeof value === "number" || typeof value === "boolean" || isEmpty(value);
}

function isEmpty(value: JsonValue | undefined): boolean {
  if (value === undefined || value === null) return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

function inOrder(list: readonly JsonValue[]): readonly JsonValue[] {
  const keyOf = (item: JsonValue) =>
    isJsonObject(item) && "name" in item ? String(item["name"]) : undefined;
  if (!list.every((item) => keyOf(item) !== undefined)) return list;
  return [...list].sort(
    (a, b) => compare(keyOf(a), keyOf(b)) || compare(canonicalJson(a), canonicalJson(b)),
  );
}

function compare(a: string | undefined, b: string | undefined): number {
  if (a === b) return 0;
  return (a ?? "") < (b ?? "") ? -1 : 1;
}
