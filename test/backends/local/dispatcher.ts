import { localBackend } from "../../../src/backends/local/index.ts";
import type { Job } from "../../../src/run.ts";
import { testAgent } from "../../contracts/request.ts";
import { realWorld, start } from "./machine.ts";

/** What another process is to do before it ends. */
export type Errand =
  | { readonly launch: string; readonly command: readonly string[] }
  | { readonly cancel: Job; readonly stopSeconds: number };

// Run as a program: a dispatcher on a data folder that does one thing, tells of it, and ends.
const [folder = "", text = ""] = process.argv.slice(2);
const errand = JSON.parse(text) as Errand;
const options = "cancel" in errand ? { stop_seconds: errand.stopSeconds } : {};
const backend = localBackend(testAgent({ options }), realWorld(folder));
if ("cancel" in errand) {
  await backend.cancel(errand.cancel);
} else {
  const { job } = await start(backend, { runId: errand.launch, command: errand.command });
  process.stdout.write(JSON.stringify(job));
}
