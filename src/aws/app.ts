import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { App } from "../app.ts";
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
import { type Env, settingsOf } from "./settings.ts";
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
  const config = resolve(settings.config);
  const storage = openStorage({ settings, env, now, newId });
  const files = join(dirname(config), "files");
  const rates = launchRates({ processes: settings.dispatchConcurrency, now });
  const agents = openAgents(
    worldOf({
      env,
      files,
      installation: settings.table,
      now,
      once: storage.registry.once,
      isOver: isOverIn(storage.store),
      launchRates: rates,
    }),
  );
  const document: unknown = JSON.parse(await readFile(config, "utf8"));
  return {
    place: CLOUD,
    installation: settings.table,
    agents: await agents.parse(document),
    backend: (agent) => agents.open(agent),
    agentFrom: (value) => agents.parseOne(value),
    placeOf: placeBesideFunctions,
    store: storage.store,
    registry: storage.registry,
    tokens: storage.tokens,
    hosts: storage.hosts,
    queue: storage.queue,
    log,
    now,
    random: Math.random,
    newId,
    timeout: (ms) => AbortSignal.timeout(ms),
    launchLeaseMs: settings.launchLeaseMs,
    looks,
  };
}

/** What backends see of the outside. `files` holds what was packaged of the agents' machine. */
function worldOf({
  files,
  ...given
}: Required<Pick<World, "env" | "installation" | "now" | "once" | "isOver" | "launchRates">> & {
  readonly files: string;
}): World {
  const { env, now } = given;
  const client = sdkSettings(env);
  return {
    ...given,
    // A function has no directory worth a name: relative addresses start at the root of what is packaged.
    cwd: "/",
    log,
    readTemplate: readTemplateInLambda({ files, s3: client, gcs: gcsOptions(env) }),
    secret: secretReader({ now, env, ssm: client, secretsManager: client }),
    closing: new AbortController().signal,
  };
}
