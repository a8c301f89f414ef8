import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Plugin } from "esbuild";

/** The methods of Vertex AI's JobService that `src/backends/vertex/api.ts` calls. */
const METHODS = ["CreateCustomJob", "GetCustomJob", "ListCustomJobs", "CancelCustomJob"];

const SERVICE = "google.cloud.aiplatform.v1.JobService";

/** What Google's libraries themselves look up: how a method goes over HTTP, operations, errors. */
const WHOLE = ["google.api", "google.longrunning", "google.protobuf", "google.rpc"];

/** A package, message, enum or service, as protobufjs writes it. */
interface ProtoNode {
  readonly nested?: Readonly<Record<string, ProtoNode>>;
  readonly fields?: Readonly<Record<string, { readonly type: string }>>;
  readonly methods?: Readonly<
    Record<string, { readonly requestType: string; readonly responseType: string }>
  >;
}

/**
 * Leaves everything out of Google's definitions that is not reached from the methods in use. Google's
 * client brings the whole of Vertex AI, 4 MB of JSON, and makes objects of all of it at its start.
 *
 * It leans on how the client is built: it loads one JSON file, and its constructor looks some messages up
 * by name, which are read from its source. `test/bundles.test.ts` calls every method in a bundle.
 */
export function prunedVertexProtos(): Plugin {
  return {
    name: "pruned-vertex-protos",
    setup({ onLoad }) {
      onLoad({ filter: /@google-cloud\/aiplatform\/build\/protos\/protos\.json$/ }, ({ path }) => {
        const client = join(dirname(path), "../src/v1/job_service_client.js");
        const lookups = /\.lookup\('\.([\w.]+)'\)/g;
        const looked = [...readFileSync(client, "utf8").matchAll(lookups)].map(([, name]) => name);
        const root = JSON.parse(readFileSync(path, "utf8")) as ProtoNode;
        const pruned = pruneProtos(root, [
          ...WHOLE,
          ...looked.filter((name) => name !== undefined),
        ]);
        return { contents: JSON.stringify(pruned), loader: "json" };
      });
    },
  };
}

/** The service with the methods in use, what they reach, `names` and what those reach. Pure. */
function pruneProtos(root: ProtoNode, names: readonly string[]): ProtoNode {
  const all = new Map(everyNode(root, ""));
  const kept = new Set<string>();
  const keep = (name: string): void => {
    const node = all.get(name);
    if (node === undefined || kept.has(name)) return;
    kept.add(name);
    for (const type of typesOf(used(node, name))) keep(resolve(all, type, name));
  };
  const inside = (name: string) => names.some((one) => name === one || name.startsWith(`${one}.`));
  for (const name of all.keys()) if (name === SERVICE || inside(name)) keep(name);
  return rebuilt(root, "", kept) ?? {};
}

/** Every node below one, by its full name. */
function everyNode(node: ProtoNode, name: string): [string, ProtoNode][] {
  return Object.entries(node.nested ?? {}).flatMap(([key, inner]) => {
    const full = fullName(name, key);
    return [[full, inner] as [string, ProtoNode], ...everyNode(inner, full)];
  });
}

/** What a node keeps of itself: of the service only the methods in use. */
function used(node: ProtoNode, name: string): ProtoNode {
  if (name !== SERVICE) return node;
  const methods = Object.entries(node.methods ?? {}).filter(([key]) => METHODS.includes(key));
  return { ...node, methods: Object.fromEntries(methods) };
}

function typesOf({ fields = {}, methods = {} }: ProtoNode): readonly string[] {
  return [
    ...Object.values(fields).map(({ type }) => type),
    ...Object.values(methods).flatMap((method) => [method.requestType, method.responseType]),
  ];
}

/** A name is looked for where it is used, then further and further outwards. */
function resolve(all: ReadonlyMap<string, ProtoNode>, type: string, from: string): string {
  for (let scope = from; scope !== ""; scope = scope.replace(/\.?[^.]+$/, "")) {
    if (all.has(`${scope}.${type}`)) return `${scope}.${type}`;
  }
  return type.replace(/^\./, "");
}

/** A node with what is kept of it and in it; undefined if nothing is. */
function rebuilt(node: ProtoNode, name: string, kept: ReadonlySet<string>): ProtoNode | undefined {
  const inner = Object.entries(node.nested ?? {}).flatMap(([key, child]) => {
    const found = rebuilt(child, fullName(name, key), kept);
    return found === undefined ? [] : [[key, found] as const];
  });
  if (inner.length === 0 && !kept.has(name)) return undefined;
  const nested = inner.length === 0 ? {} : { nested: Object.fromEntries(inner) };
  const { nested: _, ...own } = used(node, name);
  return kept.has(name) ? { ...own, ...nested } : nested;
}

function fullName(scope: string, name: string): string {
  return scope === "" ? name : `${scope}.${name}`;
}
