import { invalid } from "../../errors.ts";
import { normalizePath } from "../../run-config/working-dir.ts";

/** What the `volumes` of an agent mean. */
export interface Volumes {
  /** Volumes of the engine that must exist. */
  readonly named: readonly string[];
  /** The paths inside the container, in order. */
  readonly inside: readonly string[];
  /** As the engine takes them: `outside:inside:mode`. A later one replaces an earlier one of its path. */
  readonly binds: readonly string[];
}

interface Mount {
  readonly outside: string;
  readonly inside: string;
  readonly mode: string;
  readonly named: boolean;
}

/**
 * Reads the `volumes` of an agent: `path`, `outside:inside` or `outside:inside:mode`, where a name
 * outside is a volume of the engine and must be writable. On Windows (`platform` win32) paths have
 * drives. Throws `PermanentError` ("invalid") with every fault.
 */
export function volumesOf(options: readonly string[], platform: string): Volumes {
  const read = platform === "win32" ? readWindows : readPosix;
  const results = options.map(read);
  const issues = results.flatMap((result, index) =>
    typeof result === "string" ? [{ path: `agent.volumes.${index}`, message: result }] : [],
  );
  if (issues.length > 0) throw invalid("the agent's volumes", issues);
  const mounts = results.filter((result) => typeof result !== "string");
  const byOutside = new Map(
    mounts.map(({ outside, inside, mode }) => [outside, `${inside}:${mode}`]),
  );
  return {
    named: mounts.filter(({ named }) => named).map(({ outside }) => outside),
    inside: mounts.map(({ inside }) => inside),
    binds: [...byOutside].map(([outside, rest]) => `${outside}:${rest}`),
  };
}

function readPosix(option: string): Mount | string {
  const parts = option.split(":");
  if (parts.length > 3) return unreadable(option);
  const [first = "", second, mode = "rw"] = parts;
  const outside = normalizePath(first.trim());
  if (second === undefined) return { outside, inside: outside, mode, named: false };
  return checked({
    outside,
    inside: normalizePath(second.trim()),
    mode,
    named: !/^[./~]/.test(outside),
  });
}

/** On Windows the colon of a drive separates nothing, and only ro and rw are modes. */
function readWindows(option: string): Mount | string {
  const parts = joinDrives(option.split(":"));
  const last = parts.at(-1);
  const hasMode = parts.length > 1 && (last === "ro" || last === "rw");
  const mode = hasMode && last !== undefined ? last : "rw";
  const [outside, inside, ...more] = hasMode ? parts.slice(0, -1) : parts;
  if (outside === undefined || more.length > 0) return unreadable(option);
  if (inside === undefined) return { outside, inside: insideOf(outside), mode, named: false };
  return checked({
    outside,
    inside: normalizePath(inside),
    mode,
    named: !/^([./~\\]|[a-z]:)/i.test(outside),
  });
}

function joinDrives(parts: readonly string[]): readonly string[] {
  const joined: string[] = [];
  for (const part of parts) {
    const before = joined.at(-1);
    const continues = before !== undefined && /^[a-z]$/i.test(before) && /^[\\/]/.test(part);
    if (continues) joined[joined.length - 1] = `${before}:${part}`;
    else joined.push(part.trim());
  }
  return joined;
}

/** Where a Windows path is mounted if nothing else is said: `C:\data` at `/c/data`. */
function insideOf(outside: string): string {
  if (outside.startsWith("//")) return outside.slice(1);
  const [, drive, rest = ""] = /^([a-z]):(.*)$/i.exec(outside) ?? [];
  return drive === undefined ? outside : `/${drive.toLowerCase()}${rest.replaceAll("\\", "/")}`;
}

function checked(mount: Mount): Mount | string {
  if (!mount.named || mount.mode === "rw") return mount;
  return `expected the volume ${mount.outside} to be writable (rw), got the mode ${mount.mode}`;
}

function unreadable(option: string): string {
  return `expected PATH, OUTSIDE:INSIDE or OUTSIDE:INSIDE:MODE, got ${JSON.stringify(option)}`;
}
