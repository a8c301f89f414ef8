import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { copySources, SERVERLESS } from "../../serverless/sources.ts";

/** What is deployed. */
export interface ServiceOptions {
  /** The text of `sluice.yml`. */
  readonly agents: string;
  /** Files beside it, by their names. */
  readonly files: Readonly<Record<string, string>>;
  /** What else is given as `--param`. */
  readonly params: Readonly<Record<string, string>>;
  /** Variables with which the framework finds its AWS. */
  readonly env: Readonly<Record<string, string>>;
}

/** A copy of this service with agents of its own, and the framework for it. */
export interface Service {
  /** Where the copy is; paths in the framework's arguments start here. */
  readonly folder: string;
  /** Where the framework packages. */
  readonly packaged: string;
  /** Calls the framework for the stage `test`; what it wrote to stdout. Throws what it says if it fails. */
  serverless(...args: readonly string[]): Promise<string>;
  remove(): void;
}

/** Copies the service into a folder of its own, with agents of its own. */
export function copyService({ agents, files, params, env }: ServiceOptions): Service {
  const folder = mkdtempSync(join(tmpdir(), "sluice-deploy-"));
  copySources(folder);
  for (const [name, text] of Object.entries({ ...files, "sluice.yml": agents })) {
    const file = join(folder, "agents", name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  const packaged = join(folder, "out");
  // moto would run the functions by itself, in Docker.
  const values = { config: join("agents", "sluice.yml"), enabled: "false", ...params };
  const given = Object.entries(values).flatMap(([key, value]) => ["--param", `${key}=${value}`]);
  return {
    folder,
    packaged,
    async serverless(...args) {
      const packages = ["package", "deploy"].includes(args[0] ?? "");
      const where = packages ? ["--package", packaged] : [];
      const all = [SERVERLESS, ...args, "--stage", "test", ...given, ...where];
      const { stdout } = await promisify(execFile)(process.execPath, all, {
        cwd: folder,
        env: { PATH: process.env["PATH"], HOME: folder, SLS_TELEMETRY_DISABLED: "1", ...env },
      }).catch((error: Error & { readonly stdout?: string }) => {
        throw new Error(`${error.message}\n${error.stdout ?? ""}`, { cause: error });
      });
      return stdout;
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
