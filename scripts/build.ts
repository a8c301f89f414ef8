/**
 * Builds what runs without this project's sources: `dist/cli.js`; `dist/index.js` and its types, for people
 * who enqueue from TypeScript; the bundles of the functions in `dist/functions/`, and `dist/config/`, the
 * agents of `sluice.yml` with the files they name.
 *
 * `node scripts/build.ts` builds all, `node scripts/build.ts functions`, `cli` or `library` one of them.
 */
import { execFileSync } from "node:child_process";
import { cpSync, globSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type BuildOptions, build, type Metafile } from "esbuild";
import type { Agent } from "../src/agent.ts";
import { namedImports } from "./build/named-imports.ts";
import { prunedVertexProtos } from "./build/vertex-protos.ts";
import { type PackageOptions, packageConfig } from "./package-config.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const DIST = join(ROOT, "dist");

/** Bundled CommonJS code asks for `require` and its own directory, which modules do not have. */
const BANNER = [
  'import { createRequire as sluiceRequire } from "node:module";',
  'import { fileURLToPath as sluicePath } from "node:url";',
  "const require = sluiceRequire(import.meta.url);",
  "const __filename = sluicePath(import.meta.url);",
  'const __dirname = sluicePath(new URL(".", import.meta.url));',
].join("\n");

const SHARED: BuildOptions = {
  absWorkingDir: ROOT,
  bundle: true,
  platform: "node",
  target: "node24",
  format: "esm",
  splitting: true,
  metafile: true,
  logLevel: "warning",
  // Google's serialiser looks at the names of constructors.
  keepNames: true,
};

/**
 * Bundles the functions and packages the agents of `config`. Returns what esbuild says of the bundles, and
 * the agents that functions launch for. Throws `PermanentError` with every fault of `config`.
 */
export async function buildFunctions(
  config: string,
  options: PackageOptions = {},
): Promise<{ readonly metafile: Metafile; readonly agents: readonly Agent[] }> {
  const folder = join(DIST, "functions");
  const agents = await packageConfig(config, join(DIST, "config"), options);
  rmSync(folder, { recursive: true, force: true });
  const metafile = await bundleFunctions(folder);
  cpSync(join(ROOT, "schemas"), join(DIST, "schemas"), { recursive: true });
  return { metafile, agents };
}

/**
 * Bundles the functions into a folder, where they need no packages beside them; `others` are further
 * modules, by the names their files get.
 */
export async function bundleFunctions(
  folder: string,
  others: Readonly<Record<string, string>> = {},
): Promise<Metafile> {
  const { metafile } = await build({
    ...SHARED,
    entryPoints: { ...entryPoints(), ...others },
    outdir: folder,
    minify: true,
    banner: { js: BANNER },
    mainFields: ["module", "main"],
    // Only remote agents use Docker, and those work elsewhere.
    external: ["dockerode"],
    plugins: [namedImports(), prunedVertexProtos()],
  });
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }\n');
  if (metafile === undefined) throw new Error("esbuild gave no metafile");
  return metafile;
}

/** The functions, by the names of their files: those that export a handler. */
function entryPoints(): Readonly<Record<string, string>> {
  const shared = ["stack.ts", "batch.ts"];
  const files = globSync("functions/*.ts", { cwd: ROOT }).filter(
    (file) => !shared.includes(basename(file)),
  );
  return Object.fromEntries(files.map((file) => [basename(file, ".ts"), file]));
}

/** Bundles the command line; packages stay what they are, for npm installs them beside it. */
export async function buildCli(): Promise<void> {
  mkdirSync(DIST, { recursive: true });
  for (const old of globSync(["cli.js", "cli-*.js"], { cwd: DIST })) rmSync(join(DIST, old));
  await build({
    ...SHARED,
    entryPoints: { cli: "src/cli/main.ts" },
    outdir: DIST,
    chunkNames: "cli-[name]-[hash]",
    packages: "external",
  });
}

/** Bundles what `import … from "sluice"` gives into a folder, with its types. Throws if those have faults. */
export async function buildLibrary(folder: string): Promise<void> {
  await build({
    ...SHARED,
    entryPoints: ["src/index.ts"],
    outdir: folder,
    splitting: false,
    packages: "external",
  });
  const types = join(folder, "types");
  rmSync(types, { recursive: true, force: true });
  const tsc = fileURLToPath(import.meta.resolve("typescript/bin/tsc"));
  execFileSync(process.execPath, [tsc, "-p", "tsconfig.library.json", "--outDir", types], {
    cwd: ROOT,
    stdio: "inherit",
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const asked = process.argv[2];
  const asksFor = (part: string) => asked === undefined || asked === part;
  if (asksFor("cli")) await buildCli();
  if (asksFor("library")) await buildLibrary(DIST);
  if (asksFor("functions")) await buildFunctions(join(ROOT, "sluice.yml"));
}
