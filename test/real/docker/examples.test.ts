import { spawn } from "node:child_process";
import { chmodSync } from "node:fs";
import type Docker from "dockerode";
import { type ExamplesShape, examplesContract } from "../../contracts/examples.ts";
import { exampleAgents } from "../../contracts/examples-agents.ts";
import { dockerJobs, engineAt } from "../../contracts/examples-jobs.ts";
import { type ExampleMachine, PYTHON, startOn } from "../../contracts/examples-machine.ts";
import { IMAGE as BASE, openRealEngine } from "./engine.ts";

/** Made here, for nobody has that registry: so it is not pulled. */
const IMAGE = "registry.example.com/etl:3";

/** A real engine with an image that has something to call Python, and what else the agents name. */
async function open(machine: ExampleMachine): Promise<ExamplesShape> {
  const real = await openRealEngine();
  const base_url = String(real.agent.options["base_url"]);
  await real.close();
  const engine = engineAt(base_url);
  await makeImage(engine, machine);
  const unmake = [await makeNetwork(engine, "flows"), await volumeRemover(engine, "flow-cache")];
  const containers = new Set<string>();
  return {
    run(_type, args) {
      const agents = exampleAgents("examples/docker/sluice.yml", () => ({
        base_url,
        no_pull: true,
      }));
      return startOn(machine, { args, agents });
    },
    async jobs(runId) {
      const jobs = await dockerJobs(base_url, runId);
      for (const { raw } of jobs) containers.add((raw as { readonly Id: string }).Id);
      return jobs;
    },
    async close() {
      for (const id of containers) await engine.getContainer(id).remove({ force: true });
      for (const work of unmake) await work();
      await engine.getImage(IMAGE).remove();
    },
  };
}

async function makeImage(engine: Docker, machine: ExampleMachine): Promise<void> {
  const folder = machine.folder({
    Dockerfile: `FROM ${BASE}\nCOPY python /bin/python\n`,
    python: PYTHON,
  });
  chmodSync(`${folder}/python`, 0o755);
  const files = ["Dockerfile", "python"];
  const tar = spawn("tar", ["-c", "-C", folder, ...files], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const building = await engine.buildImage(tar.stdout, { t: IMAGE });
  await new Promise<void>((resolve, reject) => {
    engine.modem.followProgress(building, (error, said: readonly { readonly error?: string }[]) => {
      const fault = error?.message ?? said.find((line) => line.error !== undefined)?.error;
      if (fault === undefined) resolve();
      else reject(new Error(`the image cannot be made: ${fault}`));
    });
  });
}

/** Makes a network if there is none of that name; resolves to what removes it again. */
async function makeNetwork(engine: Docker, Name: string): Promise<() => Promise<void>> {
  const known = await engine.listNetworks({ filters: { name: [Name] } });
  if (known.some((network) => network.Name === Name)) return async () => undefined;
  const network = await engine.createNetwork({ Name, Internal: true });
  return async () => void (await network.remove());
}

/** What removes a volume that the agent will have made, if it was not there before. */
async function volumeRemover(engine: Docker, name: string): Promise<() => Promise<void>> {
  const isThere = async () => {
    const { Volumes } = await engine.listVolumes({ filters: { name: [name] } });
    return Volumes.some(({ Name }) => Name === name);
  };
  const wasThere = await isThere();
  return async () => {
    if (!wasThere && (await isThere())) await engine.getVolume(name).remove();
  };
}

examplesContract("embedded", {
  open,
  anywhere: { agent: "local", backend: "local" },
  patienceMs: 60_000,
  types: ["docker"],
});
