import { constants, type FileHandle, open, realpath } from "node:fs/promises";
import { messageOf, PermanentError } from "../errors.ts";
import { isBelow, machineFences } from "./fence.ts";
import { type FamilyReader, MAX_TEMPLATE_BYTES, outside, type ReadRequest } from "./reader.ts";

/**
 * Reads templates from this machine's files. What a message names must lie below one of the entries after
 * every link has been followed, those of the entries too. Only regular files are read.
 */
export function fileReader(): FamilyReader {
  return {
    async read(request) {
      const { shown } = request.address;
      try {
        return await readFile(request);
      } catch (error) {
        if (!isForGood(error)) throw error;
        throw new PermanentError(
          "template",
          `template ${shown} cannot be read: ${messageOf(error)}`,
          {
            cause: error,
          },
        );
      }
    },
  };
}

async function readFile({ address, source, entries }: ReadRequest): Promise<Uint8Array> {
  const real = await realpath(address.path);
  if (source === "message" && !(await liesInside(real, entries))) throw outside(address);
  // A pipe would block on opening; a link put in its place meanwhile is not followed.
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;
  await using file = await open(real, flags);
  if (!(await file.stat()).isFile()) {
    throw new PermanentError("template", `template ${address.shown} is not a regular file`);
  }
  return await readSome(file, MAX_TEMPLATE_BYTES + 1);
}

async function liesInside(real: string, entries: readonly string[]): Promise<boolean> {
  const folders = await Promise.all(machineFences(entries).map(realFolder));
  return folders.some((folder) => folder !== undefined && isBelow(real, folder));
}

/** An entry that does not exist has nothing below it. */
async function realFolder(path: string): Promise<string | undefined> {
  try {
    return await realpath(path);
  } catch (error) {
    if (isForGood(error)) return undefined;
    throw error;
  }
}

async function readSome(file: FileHandle, limit: number): Promise<Uint8Array> {
  const buffer = new Uint8Array(limit);
  let length = 0;
  while (length < limit) {
    const { bytesRead } = await file.read(buffer, length, limit - length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return buffer.subarray(0, length);
}

/** The last one is a path with a null character. */
const FOR_GOOD: readonly unknown[] =
  "ENOENT ENOTDIR EISDIR EACCES EPERM ELOOP ENAMETOOLONG ENXIO ERR_INVALID_ARG_VALUE".split(" ");

function isForGood(error: unknown): boolean {
  return error instanceof Error && "code" in error && FOR_GOOD.includes(error.code);
}
