import { globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, test } from "vitest";

/**
 * Who may import whom, by folder. `core` is every file directly in `src/`, the parts of `dispatch`, the text
 * rules, the wire and the engines. Packages are named as they are imported; `node:` stands for any module of Node. Parsers
 * are pure: they turn text into data.
 */
const PARSERS = ["zod", "yaml", "@renovatebot/pep440", "unidecode"];

const RULES: readonly Rule[] = [
  // Reads templates for the builders, which people call where their files are; nobody else imports it.
  {
    files: /^src\/run-config\/local-template\.ts$/,
    folders: ["core"],
    packages: ["node:fs", ...PARSERS],
  },
  {
    files: /^src\/(dispatch\/|run-config\/|engines\/|text\/)?[^/]+\.ts$/,
    folders: ["core"],
    packages: PARSERS,
  },
  { files: /^src\/backends\/open\.ts$/, folders: ["core", "backends"], packages: ["node:"] },
  {
    files: /^src\/backends\/index\.ts$/,
    folders: ["core", "docker", "ecs", "kubernetes", "local", "vertex"],
    packages: [],
  },
  {
    files: /^src\/backends\/docker\//,
    folders: ["core", "docker"],
    packages: ["node:", "zod", "dockerode"],
  },
  {
    files: /^src\/backends\/ecs\//,
    folders: ["core", "ecs", "credentials"],
    packages: ["node:", "zod", "@aws-sdk/"],
  },
  {
    files: /^src\/backends\/kubernetes\//,
    folders: ["core", "kubernetes"],
    packages: ["node:", "zod", "@kubernetes/client-node"],
  },
  { files: /^src\/backends\/local\//, folders: ["core", "local"], packages: ["node:", "zod"] },
  {
    files: /^src\/backends\/vertex\//,
    folders: ["core", "vertex", "credentials"],
    packages: ["node:", "zod", "@google-cloud/aiplatform", "google-auth-library", "google-gax"],
  },
  { files: /^src\/stores\/[^/]+\.ts$/, folders: ["core", "stores"], packages: [] },
  {
    files: /^src\/stores\/sqlite\//,
    folders: ["core", "stores", "sqlite"],
    packages: ["node:"],
  },
  {
    files: /^src\/stores\/dynamodb\//,
    folders: ["core", "stores", "dynamodb"],
    packages: ["node:", "@aws-sdk/"],
  },
  { files: /^src\/queues\//, folders: ["core", "queues", "sqlite"], packages: ["@aws-sdk/"] },
  {
    files: /^src\/templates\//,
    folders: ["core", "templates", "credentials"],
    packages: ["node:", "@aws-sdk/"],
  },
  {
    files: /^src\/credentials\/google/,
    folders: ["core", "credentials"],
    packages: ["google-auth-library"],
  },
  { files: /^src\/credentials\/aws/, folders: ["core", "credentials"], packages: [] },
  {
    files: /^src\/secrets\//,
    folders: ["core", "secrets", "credentials"],
    packages: ["@aws-sdk/"],
  },
  {
    files: /^src\/http\//,
    folders: ["core", "http"],
    packages: ["node:", "zod", "hono", "@hono/"],
  },
  {
    files: /^src\/embedded\//,
    folders: [
      "core",
      "embedded",
      "credentials",
      "backends",
      "sqlite",
      "dynamodb",
      "queues",
      "templates",
      "secrets",
    ],
    packages: ["node:", "yaml"],
  },
  // An event tells of a run as the API does.
  {
    files: /^src\/aws\/publisher\.ts$/,
    folders: ["core", "aws", "dynamodb", "http"],
    packages: [],
  },
  {
    files: /^src\/aws\//,
    folders: ["core", "aws", "backends", "ecs", "dynamodb", "queues", "templates", "secrets"],
    packages: ["node:", "yaml", "@aws-sdk/", "@aws-lambda-powertools/"],
  },
  {
    files: /^src\/cli\//,
    folders: ["core", "cli", "embedded", "backends", "http"],
    packages: ["node:", "yaml", "zod", "commander", "picocolors"],
  },
  {
    files: /^functions\//,
    folders: ["core", "aws", "http", "functions"],
    packages: ["@middy/", "@aws-lambda-powertools/", "aws-lambda", "hono/aws-lambda"],
  },
];

/** What the core may take from Node: hashing, which is pure. */
const PURE_NODE = ["node:crypto"];

interface Rule {
  readonly files: RegExp;
  readonly folders: readonly string[];
  readonly packages: readonly string[];
}

const files = globSync("{src,functions}/**/*.ts").map(normalize).sort();

/** Everything a file imports, types too. */
function importsOf(file: string): string[] {
  const text = readFileSync(file, "utf8");
  const imports =
    /^(?:import |export |\} ).*?\bfrom "([^"]+)";$|^import "([^"]+)";$|\bimport\("([^"]+)"\)/gm;
  return [...text.matchAll(imports)].map(([, ...names]) => names.find((name) => name) ?? "");
}

/** The folder a file counts to in the rules. */
function folderOf(file: string): string {
  const [top, folder, inner] = file.split("/");
  if (top === "functions") return "functions";
  if (folder === "backends" || folder === "stores") {
    return inner?.endsWith(".ts") ? folder : (inner ?? "");
  }
  return folder === undefined ||
    folder.endsWith(".ts") ||
    /^(dispatch|run-config|engines|text)$/.test(folder)
    ? "core"
    : folder;
}

function isAllowed(file: string, rule: Rule, name: string): boolean {
  if (name.startsWith(".")) {
    return rule.folders.includes(folderOf(normalize(join(dirname(file), name))));
  }
  if (PURE_NODE.includes(name)) return true;
  return rule.packages.some((allowed) => name === allowed || name.startsWith(allowed));
}

describe("who imports whom", () => {
  test.each(files)("%s imports only what its folder may", (file) => {
    const rule = RULES.find(({ files }) => files.test(file));
    expect(rule, `no rule for ${file}`).toBeDefined();
    expect(importsOf(file).filter((name) => rule && !isAllowed(file, rule, name))).toEqual([]);
  });

  test("only the builders of run configs read files for the core", () => {
    const readers = files.filter((file) => importsOf(file).includes("./local-template.ts"));
    expect(readers).toEqual(["src/run-config/builders.ts"]);
    const users = files.filter((file) =>
      importsOf(file).some((name) => name.endsWith("/builders.ts")),
    );
    // The builders of flow runners share their types.
    expect(users).toEqual(["src/index.ts", "src/run-config/flow-runners.ts"]);
  });

  test("only the entry of the CLI and the AWS shape read the environment of their process", () => {
    const readers = files.filter((file) => readFileSync(file, "utf8").includes("process.env"));
    expect(readers.filter((file) => !/^src\/(cli\/main|aws\/app)\.ts$/.test(file))).toEqual([]);
  });

  test("no file outgrows one screen of scrolling", () => {
    const long = files.filter((file) => readFileSync(file, "utf8").split("\n").length > 251);
    expect(long).toEqual([]);
  });
});
