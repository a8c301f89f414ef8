import { existsSync } from "node:fs";
import path from "node:path";
import type * as client from "@kubernetes/client-node";
import { isSecretReference } from "../../agent.ts";
import type { World } from "../../backend.ts";
import { messageOf } from "../../errors.ts";
import { MINUTE } from "../../time.ts";
import { eksToken } from "./eks.ts";
import { NotSentError } from "./errors.ts";
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
 * `~/.kube/config`. Throws `NotSentError` if there is none that can be used.
 */
export async function connect(
  settings: Settings,
  world: Surroundings,
  serviceAccount = SERVICE_ACCOUNT,
): Promise<Connection> {
  const library = await import("@kubernetes/client-node");
  const config = new library.KubeConfig();
  await load(config, { settings, world, serviceAccount, library });
  if (settings.context !== undefined) config.setCurrentContext(settings.context);
  const cluster = config.getCurrentCluster();
  if (cluster === null) {
    const known = config.getContexts().map(({ name }) => name);
    throw new NotSentError(
      `the kubeconfig has no context ${config.getCurrentContext() || "that is current"} with a cluster; it has ${known.join(", ") || "none"}`,
    );
  }
  useOwnTokens(config, world);
  return {
    server: cluster.server.replace(/\/+$/, ""),
    client: library,
    authenticate: authenticator(config, world),
  };
}

interface Loading {
  readonly settings: Settings;
  readonly world: Surroundings;
  readonly serviceAccount: string;
  readonly library: Client;
}

async function load(config: KubeConfig, loading: Loading): Promise<void> {
  const { settings, world, serviceAccount } = loading;
  const { kubeconfig, context } = settings;
  if (isSecretReference(kubeconfig)) {
    const text = await world.secret(kubeconfig.secret);
    return usable(`the kubeconfig in ${kubeconfig.secret}`, () => config.loadFromString(text));
  }
  if (kubeconfig !== undefined)
    return loadFiles(config, [path.resolve(world.cwd, kubeconfig)], loading);
  const token = path.join(serviceAccount, "token");
  if (context === undefined && world.env["KUBERNETES_SERVICE_HOST"] && existsSync(token)) {
    return loadServiceAccount(config, loading);
  }
  const files = (world.env["KUBECONFIG"] ?? "").split(path.delimiter).filter((file) => file !== "");
  const home = world.env["HOME"] ?? world.env["USERPROFILE"];
  const fallback = home === undefined ? [] : [path.join(home, ".kube", "config")];
  const found = files.length > 0 ? files : fallback.filter((file) => existsSync(file));
  if (found.length > 0) return loadFiles(config, found, loading);
  throw new NotSentError(
    "no cluster is known: set kubeconfig on the agent, or KUBECONFIG, or run in a pod of the cluster",
  );
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

function loadServiceAccount(config: KubeConfig, { world, serviceAccount }: Loading): void {
  const host = world.env["KUBERNETES_SERVICE_HOST"] ?? "";
  const port = world.env["KUBERNETES_SERVICE_PORT"] ?? "443";
  config.loadFromClusterAndUser(
    {
      name: "pod",
      server: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
      caFile: path.join(serviceAccount, "ca.crt"),
      skipTLSVerify: false,
    },
    {
      name: "pod",
      authProvider: {
        name: "tokenFile",
        config: { tokenFile: path.join(serviceAccount, "token") },
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
    throw new NotSentError(`${what} cannot be used: ${line}`, { cause: error });
  }
}

const EKS_PROVIDER = "sluice-eks";

/**
 * A kubeconfig for EKS asks the program `aws` for tokens. Where the environment has AWS keys, as in a
 * Lambda function, which has no such program, the tokens are made here.
 */
function useOwnTokens(config: KubeConfig, world: Surroundings): void {
  const users = config.getUsers().map((user) => {
    const eks = eksUser(user, world.env);
    if (eks === undefined) return user;
    return { name: user.name, authProvider: { name: EKS_PROVIDER, config: eks } };
  });
  config.loadFromOptions({
    clusters: config.getClusters(),
    users,
    contexts: config.getContexts(),
    currentContext: config.getCurrentContext(),
  });
  config.addAuthenticator({
    isAuthProvider: (user) => user.authProvider?.name === EKS_PROVIDER,
    applyAuthentication: async (user, options) => {
      const token = eksToken({ ...keysOf(world.env), ...user.authProvider.config }, world.now());
      options.headers = { ...options.headers, Authorization: `Bearer ${token}` };
    },
  });
}

function eksUser(
  user: client.User,
  env: World["env"],
): { cluster: string; region: string } | undefined {
  const { command, args } = (user.exec ?? {}) as { command?: unknown; args?: unknown };
  const words = Array.isArray(args) ? args.map(String) : [];
  const value = (flag: string) =>
    words.includes(flag) ? words[words.indexOf(flag) + 1] : undefined;
  if (path.basename(String(command ?? "")) !== "aws" || !words.includes("get-token"))
    return undefined;
  // A role or a profile is for the program to take on.
  if (["--role-arn", "--role", "-r", "--profile"].some((flag) => words.includes(flag)))
    return undefined;
  const cluster = value("--cluster-name") ?? value("--cluster-id");
  const region = value("--region") ?? env["AWS_REGION"] ?? env["AWS_DEFAULT_REGION"];
  if (cluster === undefined || region === undefined || !env["AWS_ACCESS_KEY_ID"]) return undefined;
  return { cluster, region };
}

function keysOf(env: World["env"]) {
  const sessionToken = env["AWS_SESSION_TOKEN"];
  return {
    accessKeyId: env["AWS_ACCESS_KEY_ID"] ?? "",
    secretAccessKey: env["AWS_SECRET_ACCESS_KEY"] ?? "",
    ...(sessionToken ? { sessionToken } : {}),
  };
}

/** Certificates on disk may be renewed, so connections made with them are not kept for ever. */
const CONNECTIONS_KEPT_MS = 5 * MINUTE;

/**
 * The client makes new connections for each request; these are kept and used again, and only the
 * headers are made anew.
 */
function authenticator(config: KubeConfig, world: Surroundings): Connection["authenticate"] {
  type Dispatcher = NonNullable<ReturnType<client.RequestContext["getDispatcher"]>>;
  let kept: { readonly dispatcher: Dispatcher; readonly until: number } | undefined;
  return async (request) => {
    try {
      await config.applySecurityAuthentication(request);
    } catch (error) {
      throw new NotSentError(`no credentials for Kubernetes: ${messageOf(error).trim()}`, {
        cause: error,
      });
    }
    const now = world.now().getTime();
    if (kept !== undefined && now < kept.until) return request.setDispatcher(kept.dispatcher);
    const dispatcher = request.getDispatcher();
    void kept?.dispatcher.close();
    kept = dispatcher && { dispatcher, until: now + CONNECTIONS_KEPT_MS };
  };
}
