/**
 * The entry of the command line. It alone reads the arguments, the environment and the directory of
 * its process, and it alone ends it.
 */
import { isatty } from "node:tty";
import { processIo } from "./io.ts";
import { runCli } from "./program.ts";

const io = processIo(process, isatty(process.stdout.fd));
const code = await runCli(process.argv.slice(2), {
  io,
  env: process.env as Readonly<Record<string, string>>,
  cwd: process.cwd(),
});
await io.flush();
// Sockets kept for reuse and jobs still at work would otherwise hold the process back.
process.exit(code);
