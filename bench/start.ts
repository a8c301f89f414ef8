/**
 * How long commands take to start, as a multiple of what Node itself takes: `node bench/start.ts`.
 *
 * Each is started in turn with the others, so that what else the machine does meets all alike, and the
 * fastest of all starts counts.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const SLUICE = fileURLToPath(new URL("../bin/sluice", import.meta.url));
const ROUNDS = Number(process.argv[2] ?? 15);
const REQUEST = '{"flow":{"name":"a","command":["true"]},"agent":{"backend":"local"}}\n';

/** What is started, and what it reads. */
const STARTS: Readonly<
  Record<string, { readonly args: readonly string[]; readonly input: string }>
> = {
  "node -e 0": { args: ["-e", "0"], input: "" },
  "sluice --help": { args: [SLUICE, "--help"], input: "" },
  "sluice plan, one line": { args: [SLUICE, "plan"], input: REQUEST },
  "sluice runs": { args: [SLUICE, "runs"], input: "" },
};

const cwd = mkdtempSync(join(tmpdir(), "sluice-bench-"));
const fastest = new Map<string, number>();
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, { args, input }] of Object.entries(STARTS)) {
    const begin = performance.now();
    const { status, stderr } = spawnSync(process.execPath, args, { cwd, input });
    const ms = performance.now() - begin;
    if (status !== 0) throw new Error(`${name} ended with ${status}: ${stderr}`);
    fastest.set(name, Math.min(ms, fastest.get(name) ?? ms));
  }
}
rmSync(cwd, { recursive: true });

const bare = fastest.get("node -e 0") ?? 1;
for (const [name, ms] of fastest) {
  process.stdout.write(
    `${(ms / bare).toFixed(1).padStart(5)} ×  ${ms.toFixed(0).padStart(5)} ms  ${name}\n`,
  );
}
