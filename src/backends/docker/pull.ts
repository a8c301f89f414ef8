import { PermanentError } from "../../errors.ts";
import type { RunConfig } from "../../run-config/index.ts";
import type { DockerOptions } from "./options.ts";

/** When an image is pulled before its container is made. */
export type PullPolicy = "always" | "if_not_present" | "never";

/** The name of an image in its parts. */
export interface ImageReference {
  /** The name without tag and digest, as the engine's `fromImage`. */
  readonly name: string;
  readonly tag?: string;
  readonly digest?: string;
}

/**
 * Takes the name of an image apart. A colon before the last slash belongs to the port of a registry:
 * `localhost:5000/etl` has no tag.
 */
export function referenceOf(image: string): ImageReference {
  const [tagged = "", digest] = image.split("@", 2);
  const colon = tagged.lastIndexOf(":");
  const hasTag = colon > tagged.lastIndexOf("/");
  return {
    name: hasTag ? tagged.slice(0, colon) : tagged,
    ...(hasTag ? { tag: tagged.slice(colon + 1) } : {}),
    ...(digest === undefined ? {} : { digest }),
  };
}

/** The host an image comes from, by the engine's rule: `docker.io` unless its first part is a host. */
export function registryOf(image: string): string {
  const [first = "", ...rest] = image.split("/");
  return rest.length > 0 && (/[.:]/.test(first) || first === "localhost") ? first : "docker.io";
}

/**
 * When the image of a run is pulled. An agent with `no_pull` never does. A run config of Prefect 1 has
 * its image pulled if its name has a slash; a flow runner says when, or it follows Kubernetes: always
 * without a tag or with `latest`, else if the image is missing.
 */
export function pullPolicyOf(image: string, config: RunConfig, noPull: boolean): PullPolicy {
  if (noPull) return "never";
  if (config.dialect === "prefect1") return image.includes("/") ? "always" : "never";
  return RUNNER_POLICIES[String(config.options["image_pull_policy"])] ?? defaultPolicy(image);
}

const RUNNER_POLICIES: Readonly<Record<string, PullPolicy>> = {
  ALWAYS: "always",
  IF_NOT_PRESENT: "if_not_present",
  NEVER: "never",
};

/** A digest, and a tag other than `latest`, mean the same image whenever it is pulled. */
function defaultPolicy(image: string): PullPolicy {
  const { tag, digest } = referenceOf(image);
  const moves = digest === undefined && (tag === undefined || tag === "latest");
  return moves ? "always" : "if_not_present";
}

/**
 * Throws `PermanentError` ("forbidden") if an image that may be pulled comes from a registry that is
 * not on the agent's list. As in Prefect 1, the part before the first slash counts as the registry.
 */
export function checkRegistry(image: string, policy: PullPolicy, options: DockerOptions): void {
  const { reg_allow_list: allowed } = options;
  if (policy === "never" || allowed.length === 0) return;
  const slash = image.indexOf("/");
  const registry = slash < 0 ? registryOf(image) : image.slice(0, slash);
  if (allowed.includes(registry)) return;
  throw new PermanentError(
    "forbidden",
    `the image ${image} comes from ${registry}, and the agent pulls from ${allowed.join(", ")} only: use one of them, or have ${registry} added to reg_allow_list`,
    {
      issues: [
        { path: "run_config.image", message: `expected a registry of ${allowed.join(", ")}` },
      ],
    },
  );
}
