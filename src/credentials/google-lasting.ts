/** What the file system says of a path that holds no credentials. */
const NO_FILE: readonly unknown[] = "ENOENT ENOTDIR EISDIR EACCES EPERM ELOOP ENAMETOOLONG".split(
  " ",
);

/** Codes of failures on the way to a server, of Node, of its fetch, and names of what breaks calls off. */
const ON_THE_WAY =
  /^(E(CONN|HOST|NET|AI_|PIPE|TIMEDOUT|NOTFOUND|PROTO)|UND_ERR_|(Timeout|Abort)Error$)/;

/**
 * Whether a failure of Google's library to find credentials, or to get a token for them, lasts until a
 * person does something: a file that is not there or makes no sense, or a refusal of the token service.
 * False for what passes by itself, such as a service that does not answer; undefined if nothing says
 * which it is. Pure.
 */
export function isLasting(error: unknown): boolean | undefined {
  const chain = causesOf(error);
  const status = chain.map(statusOf).find((found) => found !== undefined);
  if (status !== undefined) {
    return status >= 400 && status < 500 && status !== 408 && status !== 429;
  }
  if (chain.some(isOnTheWay)) return false;
  return chain.some(isAboutFile) ? true : undefined;
}

/** An error and what it says was its cause, some levels down. */
function causesOf(error: unknown): readonly Error[] {
  const chain: Error[] = [];
  for (let at = error; at instanceof Error && chain.length < 8; at = at.cause) chain.push(at);
  return chain;
}

/** The status of the answer an error is about. */
function statusOf(error: Error): number | undefined {
  const status = "status" in error ? error.status : undefined;
  return typeof status === "number" ? status : undefined;
}

function isOnTheWay(error: Error): boolean {
  return ON_THE_WAY.test(codeOf(error)) || ON_THE_WAY.test(error.name);
}

/** Node's own codes are those of keys and values it cannot use. */
function isAboutFile(error: Error): boolean {
  const code = codeOf(error);
  return error instanceof SyntaxError || NO_FILE.includes(code) || code.startsWith("ERR_");
}

function codeOf(error: Error): string {
  return "code" in error && typeof error.code === "string" ? error.code : "";
}
