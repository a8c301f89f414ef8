import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { App, Storage } from "../app.ts";
import type { World } from "../backend.ts";
import { openAgents } from "../backends/open.ts";
import { looks } from "../due.ts";
import { isOverIn } from "../jobs.ts";
import { launchRates } from "../launch-rates.ts";
import { placeBesideFunctions } from "../place.ts";
import { CLOUD } from "../run.ts";
import { secretReader } from "../secrets/reader.ts";
import { gcsOptions } from "../templates/gcs.ts";
import { readTemplateInLambda } from "../templates/lambda.ts";
import { log } from "./powertools.ts";
import { sdkSettings } from "./sdk.ts";
import { type AwsSettings, type Env, settingsOf } from "./settings.ts";
import { openStorage } from "./storage.ts";

/** The app of a function, and of which installation it is. */
export type AwsApp = App & Required<Pick<World, "installation">>;

let opened: Promise<AwsApp> | undefined;

/** The app of this function: made with the first call and kept as long as its process lives. */
export function awsApp(): Promise<AwsApp> {
  opened ??= openAws(environment()).catch((error: unknown) => {
    opened = undefined;
    throw error;
  });
  return opened;
}

/** The variables of this process; the only place where the AWS shape reads them. */
export function environment(): Env {
  const entries = Object.entries(process.env).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  return Object.fromEntries(entries);
}

/** Opens the AWS shape. Calls nothing; clients are made when they are first needed. */
export async function openAws(env: Env): Promise<AwsApp> {
  const settings = settingsOf(env);
  const now = () => new Date();
  const newId = () => randomUUID();
  const storage = openStorage({ settings, env, now, newId });
  const agents = openAgents(worldOf({ settings, env, now, storage }));
  const document: unknown = JSON.parse(await readFile(resolve(settings.config), "utf8"));
  return {
    place: CLOUD,
    installation: settings.table,
    agents: await agents.parse(document),
    backend: (agent) => agents.open(agent),
    agentFrom: (value) => agents.parseOne(value),
    placeOf: placeBesideFunctions,
    ...storage,
    log,
    now,
    random: Math.random,
    newId,
    timeout: (ms) => AbortSignal.timeout(ms),
    launchLeaseMs: settings.launchLeaseMs,
    looks,
  };
}

interface WorldParts extends Pick<World, "env" | "now"> {
  readonly settings: AwsSettings;
  readonly storage: Storage;
}

/** What backends see of the outside. */
function worldOf({ settings, env, now, storage }: WorldParts): World {
  const client = sdkSettings(env);
  // What was packaged of the agents' machine lies beside the agents.
  const files = join(dirname(resolve(settings.config)), "files");
  return {
    env,
    now,
    installation: settings.table,
    once: storage.registry.once,
    isOver: isOverIn(storage.store),
    launchRates: launchRates({ processes: settings.dispatchConcurrency, now }),
    // A function has no directory worth a name: relative addresses start at the root of what is packaged.
    cwd: "/",
    log,
    readTemplate: readTemplateInLambda({ files, s3: client, gcs: gcsOptions(env) }),
    secret: secretReader({ now, env, ssm: client, secretsManager: client }),
    closing: new AbortController().signal,
  };
}
