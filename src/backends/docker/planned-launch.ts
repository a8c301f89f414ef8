import { isJsonObject, type JsonObject } from "../../json.ts";

/** What `launch` reads of the plan that `plan` made. */
export interface PlannedLaunch {
  readonly name: string;
  readonly create: JsonObject;
  readonly image: string;
  readonly pull: "always" | "if_not_present" | "never";
  readonly networks: readonly string[];
}

/** Reads a planned launch, as `toLaunch` in `request.ts` wrote it. */
export function plannedLaunch(launch: JsonObject): PlannedLaunch {
  const { name, create, pull, pull_policy: policy, networks } = launch;
  if (typeof name !== "string" || !isJsonObject(create)) {
    throw new Error("expected the plan of a docker launch, with name and create");
  }
  return {
    name,
    create,
    image: String(create["Image"]),
    pull: pull !== true ? "never" : policy === "if_not_present" ? policy : "always",
    networks: Array.isArray(networks) ? networks.map(String) : [],
  };
}
