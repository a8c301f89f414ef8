/** Where an engine listens. */
export type Address =
  | { readonly socketPath: string }
  | { readonly protocol: "http" | "https"; readonly host: string; readonly port: number };

/** Where an engine listens unless an agent says otherwise. */
export function defaultUrl(platform: string): string {
  return platform === "win32" ? "npipe:////./pipe/docker_engine" : "unix:///var/run/docker.sock";
}

/**
 * Reads the address of an engine, or says in a sentence what is wrong with it. `tcp://` is plain HTTP;
 * the path of a socket is absolute even where its first slash is missing, as in
 * `unix://var/run/docker.sock`.
 */
export function addressOf(url: string): Address | string {
  const [, scheme = "", rest = ""] = /^([a-z+]+):\/\/(.*)$/i.exec(url.trim()) ?? [];
  switch (scheme.toLowerCase()) {
    case "unix":
    case "http+unix":
      return rest === "" ? EXPECTED : { socketPath: `/${rest.replace(/^\/+/, "")}` };
    case "npipe":
      return rest === "" ? EXPECTED : { socketPath: rest };
    case "tcp":
    case "http":
      return hostOf("http", rest);
    case "https":
      return hostOf("https", rest);
    default:
      return EXPECTED;
  }
}

/**
 * One text for each address of an engine, however it is written. With what tells this engine from another
 * one at the same address it is the target in which the names of containers are unique.
 */
export function targetOf(address: Address, identity?: string): string {
  return identity === undefined ? textOf(address) : `${textOf(address)}#${identity}`;
}

/** A target in its parts: the address, and the identity if it has one. */
export function partsOf(target: string): { readonly url: string; readonly identity?: string } {
  const [, url = target, identity] = /^(.*)#([\w:+-]+)$/.exec(target) ?? [];
  return identity === undefined ? { url } : { url, identity };
}

/** Whether an engine can only be reached from its own machine, whose address is the same everywhere. */
export function isLocal(address: Address): boolean {
  return "socketPath" in address;
}

function textOf(address: Address): string {
  if ("host" in address) {
    const host = address.host.includes(":") ? `[${address.host}]` : address.host;
    return `${address.protocol === "https" ? "https" : "tcp"}://${host}:${address.port}`;
  }
  const isPipe = address.socketPath.startsWith("//");
  return `${isPipe ? "npipe" : "unix"}://${address.socketPath}`;
}

const EXPECTED =
  "expected the address of a Docker engine, such as unix:///var/run/docker.sock or tcp://10.0.0.2:2375";

function hostOf(protocol: "http" | "https", rest: string): Address | string {
  if (!URL.canParse(`${protocol}://${rest}`)) return EXPECTED;
  const { hostname, pathname, search, username } = new URL(`${protocol}://${rest}`);
  if (hostname === "" || pathname !== "/" || search !== "" || username !== "") {
    return `${EXPECTED}: a host and a port, without a path`;
  }
  // The URL class hides the default port of a scheme, so the text is read for it.
  const port = Number(/:(\d+)\/?$/.exec(rest)?.[1]);
  if (!Number.isInteger(port) || port < 1) return `${EXPECTED}: a host and a port`;
  return { protocol, host: hostname.replace(/^\[|\]$/g, ""), port };
}
