import { show } from "./check.ts";
import type { Engine } from "./engine.ts";
import { invalid } from "./errors.ts";
import type { Flow } from "./flow.ts";
import type { JsonObject } from "./json.ts";
import type { RunConfig } from "./run-config/index.ts";

/** What decides on the image of a run. */
export interface ImageSources {
  readonly flow: Flow;
  readonly config: RunConfig;
  /** The image of the template's container, on backends that read one. Null and absent are the same. */
  readonly template?: string | null | undefined;
  readonly engine: Pick<Engine, "name">;
}

/**
 * The image a run executes in, the first there is of: the one of the flow's Docker storage, the run
 * config's, the template's. With the engine `prefect1` there is a last one, Prefect's own image of the
 * flow's `core_version`, and an empty text counts as an image, as it does in Prefect.
 *
 * Throws `PermanentError` ("invalid") where there is none, or where Docker storage does not name one.
 */
export function imageOf({ flow, config, template, engine }: ImageSources): string {
  if (flow.storage?.["type"] === "Docker") return storedImage(flow.storage);
  const wanted = config.options["image"];
  const named = (typeof wanted === "string" ? wanted : undefined) ?? template ?? undefined;
  if (engine.name === "prefect1") return named ?? prefectImage(flow);
  if (named !== undefined && named !== "") return named;
  throw invalid("the run", [
    {
      path: "run_config.image",
      message: `expected an image, got none; name one in the run config, or Docker storage in the flow (only the engine prefect1 has a default image, this one is ${engine.name})`,
    },
  ]);
}

/** Prefect joins the three parts as it joins paths: `https://reg` loses a slash. */
function storedImage(storage: JsonObject): string {
  const registry = storage["registry_url"] ?? "";
  const { image_name: name, image_tag: tag } = storage;
  if (typeof registry === "string" && typeof name === "string" && typeof tag === "string") {
    return joinPath(registry, `${name}:${tag}`);
  }
  const parts = { registry_url: registry, image_name: name, image_tag: tag };
  const issues = Object.entries(parts)
    .filter(([, part]) => typeof part !== "string")
    .map(([key, part]) => ({
      path: `flow.storage.${key}`,
      message: `expected text, a part of the image's name, got ${show(part)}`,
    }));
  throw invalid("the flow's Docker storage", issues);
}

/** An absolute second part drops the first; empty and `.` parts vanish. */
function joinPath(first: string, second: string): string {
  const path = second.startsWith("/") ? second : `${first}/${second}`;
  const absolute = second.startsWith("/") || first.startsWith("/");
  const root = /^\/\/(?!\/)/.test(second.startsWith("/") ? second : first) ? "//" : "/";
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  return (absolute ? root : "") + parts.join("/");
}

function prefectImage({ core_version: version }: Flow): string {
  const [tag = ""] = (version ?? "").split("+");
  return `prefecthq/prefect:${(version ?? "") === "" ? "latest" : tag}`;
}
