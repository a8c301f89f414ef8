/** Host names of the machine itself can be given to containers from this version of the engine on. */
const HOST_GATEWAY = [20, 10, 0] as const;

/**
 * Whether an engine of this version can resolve `host-gateway`. A pre-release of 20.10.0 cannot yet;
 * suffixes of distributions (`20.10.24+dfsg1`, `19.03.13-ce`) count for nothing. A version that cannot
 * be read counts as a new one.
 */
export function hasHostGateway(version: string): boolean {
  const match = /^v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(.*)$/.exec(version.trim());
  if (match === null) return true;
  const [, major, minor = "0", patch = "0", rest = ""] = match;
  const parts = [major, minor, patch].map(Number);
  for (const [index, least] of HOST_GATEWAY.entries()) {
    const part = parts[index] ?? 0;
    if (part !== least) return part > least;
  }
  return !/^[-_.~]?(a|b|c|rc|alpha|beta|pre|preview|dev)(?![a-z])/i.test(rest);
}
