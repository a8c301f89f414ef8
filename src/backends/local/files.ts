import { constants } from "node:fs";
import { access, open, readFile, stat } from "node:fs/promises";

/** The text of a file, or undefined if it is not there. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** At most `most` bytes of a file from `offset` on, and the size of the whole; nothing if it is not there. */
export async function readPart(
  path: string,
  { offset, most }: { readonly offset: number; readonly most: number },
): Promise<{ readonly bytes: Uint8Array; readonly size: number }> {
  try {
    await using file = await open(path, "r");
    const { size } = await file.stat();
    const wanted = Math.max(0, Math.min(most, size - offset));
    const { bytesRead, buffer } = await file.read(Buffer.alloc(wanted), 0, wanted, offset);
    return { bytes: buffer.subarray(0, bytesRead), size };
  } catch (error) {
    if (isMissing(error)) return { bytes: new Uint8Array(), size: 0 };
    throw error;
  }
}

/** Writes a file unless it is there; false if it was. */
export async function writeOnce(path: string, text: string): Promise<boolean> {
  try {
    await using file = await open(path, "wx", 0o600);
    await file.writeFile(text);
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  }
}

/** Whether there is such a directory that this process can see. */
export async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (isNone(error)) return false;
    throw error;
  }
}

/** Whether there is a file that this process may execute. */
export async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch (error) {
    if (isNone(error)) return false;
    throw error;
  }
}

/** The first bytes of a file, at most `most`, as text; undefined if this process may not read it. */
export async function startOfFile(path: string, most: number): Promise<string | undefined> {
  try {
    const { bytes } = await readPart(path, { offset: 0, most });
    return new TextDecoder().decode(bytes);
  } catch (error) {
    if (isNone(error)) return undefined;
    throw error;
  }
}

/** Whether an error says that a file is not there, or that a process is gone. */
export function isMissing(error: unknown): boolean {
  return ["ENOENT", "ENOTDIR", "ESRCH"].includes(codeOf(error));
}

/**
 * Whether an error says that a path leads to nothing this process can see: nothing is there, or no path
 * can be written so, with names too long, links in a circle or a zero byte.
 */
function isNone(error: unknown): boolean {
  const codes = ["EACCES", "ENAMETOOLONG", "ELOOP", "ERR_INVALID_ARG_VALUE"];
  return isMissing(error) || codes.includes(codeOf(error));
}

/** The system's code of an error; empty if it has none. */
export function codeOf(error: unknown): string {
  const code: unknown = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : "";
}
