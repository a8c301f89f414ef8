import path from "node:path";
import type * as client from "@kubernetes/client-node";
import type { World } from "../../backend.ts";
import { messageOf } from "../../errors.ts";
import { MINUTE } from "../../time.ts";
import { eksToken } from "./eks.ts";
import { AccessError, isOfNetwork, NotSentError } from "./errors.ts";

type KubeConfig = client.KubeConfig;

const EKS_PROVIDER = "sluice-eks";

/**
 * A kubeconfig for EKS asks the program `aws` for tokens. Where the environment has AWS keys, as in a
 * Lambda function, which has no such program, the tokens are made here.
 */
export function useOwnTokens(config: KubeConfig, world: Pick<World, "env" | "now">): void {
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

/** What a kubeconfig says of a program that gives credentials. */
interface Program {
  readonly command?: unknown;
  readonly args?: unknown;
  readonly env?: unknown;
}

function eksUser(
  user: client.User,
  env: World["env"],
): { cluster: string; region: string } | undefined {
  const { command, args, env: own } = (user.exec ?? {}) as Program;
  const words = Array.isArray(args) ? args.map(String) : [];
  const variables = variablesOf(own);
  const value = (flag: string) =>
    words.includes(flag) ? words[words.indexOf(flag) + 1] : undefined;
  if (path.basename(String(command ?? "")) !== "aws" || !words.includes("get-token"))
    return undefined;
  // A role, a profile or keys of its own are for the program to take on.
  if (["--role-arn", "--role", "-r", "--profile"].some((flag) => words.includes(flag)))
    return undefined;
  if (Object.keys(variables).some((name) => name.startsWith("AWS_") && !PLAIN.has(name)))
    return undefined;
  const all = { ...env, ...variables };
  const cluster = value("--cluster-name") ?? value("--cluster-id");
  const region = value("--region") ?? all["AWS_REGION"] ?? all["AWS_DEFAULT_REGION"];
  if (cluster === undefined || region === undefined || !env["AWS_ACCESS_KEY_ID"]) return undefined;
  return { cluster, region };
}

/** Variables of the program that do not change who it is. */
const PLAIN = new Set(["AWS_REGION", "AWS_DEFAULT_REGION", "AWS_STS_REGIONAL_ENDPOINTS"]);

function variablesOf(entries: unknown): Readonly<Record<string, string>> {
  const list = Array.isArray(entries) ? (entries as { name?: unknown; value?: unknown }[]) : [];
  return Object.fromEntries(list.map(({ name, value }) => [String(name), String(value)]));
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
export function authenticator(
  config: KubeConfig,
  world: Pick<World, "now">,
): (request: client.RequestContext) => Promise<void> {
  type Dispatcher = NonNullable<ReturnType<client.RequestContext["getDispatcher"]>>;
  let kept: { readonly dispatcher: Dispatcher; readonly until: number } | undefined;
  return async (request) => {
    try {
      await config.applySecurityAuthentication(request);
    } catch (error) {
      throw withoutCredentials(error);
    }
    const now = world.now().getTime();
    if (kept !== undefined && now < kept.until) return request.setDispatcher(kept.dispatcher);
    const dispatcher = request.getDispatcher();
    void kept?.dispatcher.close();
    kept = dispatcher && { dispatcher, until: now + CONNECTIONS_KEPT_MS };
  };
}

/** Programs that give credentials may fail for want of a connection, which may come back. */
function withoutCredentials(error: unknown): Error {
  const message = `no credentials for Kubernetes: ${messageOf(error).trim()}`;
  if (isOfNetwork(error)) return new NotSentError(message, { cause: error });
  const { syscall } = (error ?? {}) as { syscall?: unknown };
  const advice = String(syscall).startsWith("spawn")
    ? "; the kubeconfig asks this program for them: install it, or take a kubeconfig that needs none"
    : "";
  return new AccessError(`${message}${advice}`, { cause: error });
}
