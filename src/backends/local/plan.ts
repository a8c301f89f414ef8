import { lookup } from "node:dns/promises";
import { hostname } from "node:os";
import { resolve } from "node:path";
import * as z from "zod";
import type { LaunchPlan, LaunchRequest, World } from "../../backend.ts";
import type { Start } from "./api.ts";
import { missingDirectory } from "./errors.ts";
import { isDirectory } from "./files.ts";
import type { LocalOptions } from "./options.ts";
import { processRequest } from "./request.ts";

/** What a plan wants to know of the machine it is made on. */
export interface Surface {
  readonly isDirectory: (path: string) => Promise<boolean>;
  readonly hostname: () => Promise<string>;
}

/** The machine this process runs on. */
export const thisMachine: Surface = {
  isDirectory,
  // The machine inside Docker Desktop has the same name everywhere, so its address stands for it.
  hostname: async () => {
    const name = hostname();
    return name === "docker-desktop" ? (await lookup(name)).address : name;
  },
};

/** What a plan is made with. */
export interface PlanContext {
  readonly options: LocalOptions;
  readonly world: World;
  readonly machine: Surface;
}

/** Plans the process of a run; its directory must be there. */
export async function planProcess(
  request: LaunchRequest,
  { options, world, machine }: PlanContext,
): Promise<LaunchPlan> {
  const { env, cwd } = world;
  const { planned, secrets } = await processRequest(request, {
    options,
    env,
    cwd,
    secret: (reference) => world.secret(reference),
    ...(options.hostname_label ? { hostLabel: await machine.hostname() } : {}),
  });
  if (planned.cwd !== null && !(await machine.isDirectory(planned.cwd))) {
    throw missingDirectory(request.run.id, planned.cwd);
  }
  const { command, env: variables } = planned;
  return {
    target: await targetIn(world),
    launch: { command, cwd: planned.cwd, env: variables },
    secrets,
    warnings: [],
  };
}

/**
 * The target of all launches on a data folder: its path, and what tells it from a folder at the same path
 * of another machine.
 */
export async function targetIn({ dataFolder, machine }: World): Promise<string> {
  if (dataFolder === undefined) return "no data folder";
  const path = resolve(dataFolder);
  return machine === undefined ? path : `${path}#${await machine.id()}`;
}

const launchSchema = z.object({
  command: z.array(z.string()),
  cwd: z.string().nullable(),
  env: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
});

/** What is started for a plan: every variable is text then, as JSON writes it. */
export function startOf(plan: LaunchPlan, ownDirectory: string): Omit<Start, "folder"> {
  const { command, cwd, env } = launchSchema.parse(plan.launch);
  const texts = Object.entries(env).map(([name, value]) => [name, String(value)] as const);
  return { command, cwd: cwd ?? ownDirectory, env: Object.fromEntries(texts) };
}
