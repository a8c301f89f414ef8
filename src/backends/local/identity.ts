import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { readIfThere } from "./files.ts";
import { TOOLS } from "./wrapper.ts";

/** Which process is meant, though its number be given to another one day. */
export interface Identity {
  readonly pid: number;
  /** When the kernel started it: clock ticks since the boot, or a date where there is no /proc. */
  readonly start: string;
  /** The boot it belongs to; empty where the machine does not tell. */
  readonly boot: string;
}

/** Reads what the wrapper wrote of a process; undefined while it is not all there. */
export function parseIdentity(text: string | undefined): Identity | undefined {
  const match = /^(\d+)\n(.+)\n(.*)\n$/.exec(text ?? "");
  const [, pid, start, boot] = match ?? [];
  if (pid === undefined || start === undefined || boot === undefined) return undefined;
  return { pid: Number(pid), start: normal(start), boot };
}

/** Whether this very process is alive. One that has ended and waits for its parent is not. */
export async function isAlive({ pid, start, boot }: Identity): Promise<boolean> {
  if (!/^\d+$/.test(start)) return (await startByPs(pid)) === start;
  if (boot !== (await bootId())) return false;
  const stat = await readIfThere(`/proc/${pid}/stat`);
  return stat !== undefined && isStatOf(stat, start);
}

/** Whether a line of `/proc/<pid>/stat` is that of a living process with this start. Pure. */
export function isStatOf(stat: string, start: string): boolean {
  // The second field is a file name in brackets, which may hold spaces and brackets itself.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state] = fields;
  return state !== "Z" && state !== "X" && fields[19] === start;
}

let knownBoot: string | undefined;

async function bootId(): Promise<string> {
  knownBoot ??= (await readIfThere("/proc/sys/kernel/random/boot_id"))?.trim() ?? "";
  return knownBoot;
}

const run = promisify(execFile);

async function startByPs(pid: number): Promise<string | undefined> {
  try {
    const env = { PATH: TOOLS, LC_ALL: "C", TZ: "UTC" };
    const { stdout } = await run("ps", ["-o", "lstart=", "-p", String(pid)], { env });
    return normal(stdout);
  } catch (error) {
    // `ps` answers 1 if there is no such process.
    if ((error as { code?: unknown }).code === 1) return undefined;
    throw error;
  }
}

function normal(text: string): string {
  return text.trim().replace(/\s+/g, " ");
}
