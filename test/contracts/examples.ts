import { globSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import type { JsonObject } from "../../src/json.ts";
import { type Ended, jsonLines, type Started } from "../cli/sluice.ts";
import type { PlatformJob } from "./examples-jobs.ts";
import { type Journey, journeysOn } from "./examples-journeys.ts";
import { type ExampleMachine, exampleMachine } from "./examples-machine.ts";

/** A shape in which a user types commands, with every platform there is. */
export interface ExamplesShape {
  /** Types `sluice run FILE … --watch --json`, with the agents of a type of run config. */
  run(type: string, args: readonly string[]): Started;
  /** The jobs of a run on all platforms, as these tell of them. */
  jobs(runId: string): Promise<readonly PlatformJob[]>;
  close(): Promise<void>;
}

/** What the journeys must know of a shape. */
export interface ExamplesTraits<S extends ExamplesShape> {
  open(machine: ExampleMachine): Promise<S>;
  /** Agent and backend of runs that ask for neither. */
  readonly anywhere: { readonly agent: string; readonly backend: string };
  /** How long a journey may take at the most, in milliseconds. */
  readonly patienceMs: number;
  /** The types of which there are platforms. Default: all. */
  readonly types?: readonly string[];
  /** Registers tests of this shape alone, which find it open; they run beside the journeys. */
  more?(opened: () => S): void;
}

/** The documents that ask for a run: others hold agents, a flow, or rights. */
export const DOCUMENTS: readonly string[] = globSync("examples/**/*.{yml,json}")
  .filter((file) => "flow" in readExample(file))
  .map((file) => file.replace(/^examples\//, ""))
  .sort();

/** Every type of run config has one document that is called like it. */
export const TYPES = ["universal", "local", "docker", "ecs", "kubernetes", "vertex"];

/** `ecs` of `ecs.yml` and of `ecs/spot.json`. */
export function typeOf(document: string): string {
  return document.replace(/[./].*$/, "");
}

/** What a file of the examples holds. */
export function readExample(file: string): JsonObject {
  const [first] = readFileSync(file, "utf8").split(/^---$/m);
  return parse(first ?? "") as JsonObject;
}

/** The text of a document whose flow ends with exit code 3. */
export function failing(type: string): string {
  const document = readExample(`examples/${type}.yml`);
  const flow = { ...(document["flow"] as JsonObject), command: "exit 3" };
  return JSON.stringify({ ...document, flow });
}

/** Journeys of the documents in `examples/`, from `sluice run` to their ends: the same in every shape. */
export function examplesContract<S extends ExamplesShape>(
  name: string,
  traits: ExamplesTraits<S>,
): void {
  const { open, anywhere, patienceMs, types = [...TYPES, "hello"] } = traits;
  const concerns = (document: string) => types.includes(typeOf(document));

  describe(`examples in the ${name} shape`, {
    concurrent: true,
    timeout: patienceMs + 5_000,
  }, () => {
    let machine: ExampleMachine;
    let shape: S;
    let journeys: Readonly<Record<string, Journey>>;

    beforeAll(async () => {
      machine = exampleMachine();
      journeys = journeysOn(machine);
      shape = await open(machine);
    }, 600_000);
    afterAll(async () => {
      try {
        await shape?.close();
      } finally {
        machine.remove();
      }
    }, 120_000);

    /** A run that takes too long is left, so that its state is told. */
    async function endOf({ child, ended }: Started): Promise<Ended> {
      const timer = setTimeout(() => child.kill(), patienceMs);
      return await ended.finally(() => clearTimeout(timer));
    }

    test("have a journey each, and each type has one", () => {
      expect(Object.keys(journeys).sort()).toEqual(DOCUMENTS);
      expect(DOCUMENTS).toEqual(expect.arrayContaining(TYPES.map((type) => `${type}.yml`)));
    });

    test.for(DOCUMENTS.filter(concerns))("%s runs to its end", async (document) => {
      const { agent, backend, ...journey } = { ...anywhere, ...journeys[document] };
      const file = `${process.cwd()}/examples/${document}`;
      const settings = (journey.set ?? []).flatMap((setting) => ["--set", setting]);
      const ended = await endOf(shape.run(typeOf(document), [file, ...settings]));
      const run = lastRun(ended);
      expect({ code: ended.code, run }, ended.stdout).toMatchObject({
        code: 0,
        run: { state: "succeeded", agent, job: { backend }, cause: { exit_code: 0 } },
      });
      const jobs = await shape.jobs(String(run?.["id"]));
      expect(jobs).toHaveLength(1);
      expect(jobs[0]).toMatchObject({ backend, ...asked(readExample(file), journey, run) });
      const parameters = JSON.parse(jobs[0]?.env["SLUICE_PARAMETERS"] ?? "") as unknown;
      expect(parameters).toEqual(readExample(file)["parameters"] ?? {});
    });

    test.for(types.filter((type) => TYPES.includes(type)))(
      "a flow of type %s that ends with 3 has failed",
      async (type) => {
        const folder = machine.folder({ "fails.json": failing(type) });
        const { set = [] } = journeys[`${type}.yml`] ?? {};
        const settings = set.flatMap((setting) => ["--set", setting]);
        const ended = await endOf(shape.run(type, [`${folder}/fails.json`, ...settings]));
        const run = lastRun(ended);
        expect({ code: ended.code, run }, ended.stdout).toMatchObject({
          code: 1,
          run: { state: "failed", cause: { type: "exit", exit_code: 3 } },
        });
        expect(await shape.jobs(String(run?.["id"]))).toHaveLength(1);
      },
    );

    traits.more?.(() => shape);
  });
}

/** The run as it was told last; undefined with what was said instead. */
function lastRun({ stdout, stderr }: Ended): JsonObject | undefined {
  const last = jsonLines(stdout).findLast(({ type }) => type === "state");
  if (last === undefined) throw new Error(`no run was told of: ${stdout}${stderr}`);
  return last["run"] as JsonObject;
}

/** What a document asks of its job. */
function asked(document: JsonObject, { command, env, raw }: Journey, run?: JsonObject) {
  const flow = document["flow"] as JsonObject;
  const config = (document["run_config"] ?? flow["run_config"]) as JsonObject;
  const own = (config["env"] ?? (config["config"] as JsonObject | undefined)?.["env"]) as
    | JsonObject
    | null
    | undefined;
  const given = flow["command"];
  return {
    command: command ?? (typeof given === "string" ? ["/bin/sh", "-c", given] : given),
    env: {
      ...own,
      SLUICE_RUN_ID: run?.["id"],
      SLUICE_RUN_NAME: run?.["name"],
      SLUICE_FLOW_NAME: flow["name"],
      SLUICE_LAUNCH: "1",
      ...env,
    },
    ...(raw === undefined ? {} : { raw }),
  };
}
