import { existsSync } from "node:fs";
import path from "node:path";
import type * as client from "@kubernetes/client-node";
import { isSecretReference } from "../../agent.ts";
import type { World } from "../../backend.ts";
import { messageOf, PermanentError } from "../../errors.ts";
import { authenticator, useOwnTokens } from "./credentials.ts";
import { AccessError, NotSentError } from "./errors.ts";
import type { AgentOptions } from "./options.ts";

type Client = typeof client;
type KubeConfig = client.KubeConfig;

/** Where Kubernetes puts the credentials of a pod. */
const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

/** Where and as whom the API of a cluster is asked. */
export interface Connection {
  /** Address of the API server, without a slash at its end. */
  readonly server: string;
  readonly client: Client;
  /** Puts credentials on a request. */
  authenticate(request: client.RequestContext): Promise<void>;
}

type Settings = Pick<AgentOptions, "kubeconfig" | "context">;
type Surroundings = Pick<World, "env" | "cwd" | "now" | "secret">;

/**
 * Finds the cluster of an agent and its credentials: the kubeconfig the agent names, else the service
 * account of the pod this runs in (unless a context is named), else the files in KUBECONFIG, else
 * `~/.kube/config`. Asks nobody but the keeper of a secret.
 *
 * Throws `AccessError` if there is none that can be used, and `NotSentError` if that cannot be told now.
 */
export async function connect(
  settings: Settings,
  world: Surroundings,
  serviceAccount = SERVICE_ACCOUNT,
): Promise<Connection> {
  const source = sourceOf(settings, world, serviceAccount);
  if (source === undefined) {
    throw new AccessError(
      "no cluster is known: set kubeconfig on the agent, or KUBECONFIG, or run in a pod of the cluster",
      { nowhere: true },
    );
  }
  const library = await import("@kubernetes/client-node");
  const config = new library.KubeConfig();
  await load(config, source, { world, library });
  if (settings.context !== undefined) config.setCurrentContext(settings.context);
  const server = serverOf(config);
  useOwnTokens(config, world);
  return { server, client: library, authenticate: authenticator(config, world) };
}

/** What leads to a cluster. */
type Source =
  | { readonly type: "secret"; readonly reference: string }
  | { readonly type: "files"; readonly files: readonly string[] }
  | { readonly type: "pod"; readonly account: string };

function sourceOf(
  { kubeconfig, context }: Settings,
  world: Surroundings,
  account: string,
): Source | undefined {
  if (isSecretReference(kubeconfig)) return { type: "secret", reference: kubeconfig.secret };
  if (kubeconfig !== undefined) {
    return { type: "files", files: [path.resolve(world.cwd, kubeconfig)] };
  }
  const token = path.join(account, "token");
  if (context === undefined && world.env["KUBERNETES_SERVICE_HOST"] && existsSync(token)) {
    return { type: "pod", account };
  }
  const named = (world.env["KUBECONFIG"] ?? "").split(path.delimiter).filter((file) => file !== "");
  // As with kubectl, files of such a list may be missing, but not all of them.
  const there = named.filter((file) => existsSync(file));
  if (named.length > 0) return { type: "files", files: there.length > 0 ? there : named };
  const home = world.env["HOME"] ?? world.env["USERPROFILE"];
  const files = home === undefined ? [] : [path.join(home, ".kube", "config")];
  return files.some((file) => existsSync(file)) ? { type: "files", files } : undefined;
}

interface Loading {
  readonly world: Surroundings;
  readonly library: Client;
}

async function load(config: KubeConfig, source: Source, loading: Loading): Promise<void> {
  switch (source.type) {
    case "secret": {
      const text = await secretText(source.reference, loading.world);
      return usable(`the kubeconfig in ${source.reference}`, () => config.loadFromString(text));
    }
    case "files":
      return loadFiles(config, source.files, loading);
    case "pod":
      return loadServiceAccount(config, source.account, loading);
  }
}

async function secretText(reference: string, { secret }: Surroundings): Promise<string> {
  try {
    return await secret(reference);
  } catch (error) {
    const message = `the kubeconfig in ${reference} cannot be read: ${messageOf(error)}`;
    if (error instanceof PermanentError) throw new AccessError(message, { cause: error });
    throw new NotSentError(message, { cause: error });
  }
}

/** The address of the cluster of the current context, without a slash at its end. */
function serverOf(config: KubeConfig): string {
  const cluster = config.getCurrentCluster();
  if (cluster === null) {
    const known = config.getContexts().map(({ name }) => name);
    throw new AccessError(
      `the kubeconfig has no context ${config.getCurrentContext() || "that is current"} with a cluster; it has ${known.join(", ") || "none"}: set the agent's context`,
    );
  }
  if (!URL.canParse(cluster.server)) {
    throw new AccessError(
      `the cluster ${cluster.name} of the kubeconfig has no address that can be used: expected a server such as https://10.0.0.1:6443`,
    );
  }
  return cluster.server.replace(/\/+$/, "");
}

/** Several files count as one; the first that names something wins. */
function loadFiles(config: KubeConfig, files: readonly string[], { library }: Loading): void {
  for (const [index, file] of files.entries()) {
    usable(`the kubeconfig ${file}`, () => {
      if (index === 0) return config.loadFromFile(file);
      const further = new library.KubeConfig();
      further.loadFromFile(file);
      config.mergeConfig(further, config.getCurrentContext() !== undefined);
    });
  }
}

function loadServiceAccount(config: KubeConfig, account: string, { world }: Loading): void {
  const host = world.env["KUBERNETES_SERVICE_HOST"] ?? "";
  const port = world.env["KUBERNETES_SERVICE_PORT"] ?? "443";
  config.loadFromClusterAndUser(
    {
      name: "pod",
      server: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
      caFile: path.join(account, "ca.crt"),
      skipTLSVerify: false,
    },
    {
      name: "pod",
      authProvider: {
        name: "tokenFile",
        config: { tokenFile: path.join(account, "token") },
      },
    },
  );
}

/** What goes wrong with credentials is told without their content. */
function usable(what: string, read: () => void): void {
  try {
    read();
  } catch (error) {
    const line = messageOf(error).split("\n", 1)[0] ?? "";
    throw new AccessError(`${what} cannot be used: ${line}`, { cause: error });
  }
}
