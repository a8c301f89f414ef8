import type { Cause, FinalType } from "./run.ts";

/** Signals by number, as POSIX systems on x86 and ARM number them. */
const SIGNALS: Readonly<Record<number, string>> = {
  1: "SIGHUP",
  2: "SIGINT",
  3: "SIGQUIT",
  4: "SIGILL",
  5: "SIGTRAP",
  6: "SIGABRT",
  7: "SIGBUS",
  8: "SIGFPE",
  9: "SIGKILL",
  10: "SIGUSR1",
  11: "SIGSEGV",
  12: "SIGUSR2",
  13: "SIGPIPE",
  14: "SIGALRM",
  15: "SIGTERM",
  24: "SIGXCPU",
  25: "SIGXFSZ",
  31: "SIGSYS",
};

/** Signals that come from outside the process, so that its end is not its own doing. */
const FROM_OUTSIDE = new Set(["SIGKILL", "SIGTERM"]);

/**
 * How a process ended, by its exit code. 0 is success; above 128 a shell and a container engine report
 * the signal that ended the process, so it is shown as one.
 */
export function exited(exitCode: number): { end: FinalType; cause: Cause } {
  if (exitCode === 0) {
    return { end: "succeeded", cause: { type: "exit", message: "exit code 0", exitCode } };
  }
  const signal = exitCode > 128 ? SIGNALS[exitCode - 128] : undefined;
  if (signal === undefined) {
    return { end: "failed", cause: { type: "exit", message: `exit code ${exitCode}`, exitCode } };
  }
  return {
    end: "failed",
    cause: {
      type: FROM_OUTSIDE.has(signal) ? "killed" : "exit",
      message: `ended by ${signal} (exit code ${exitCode})`,
      exitCode,
      signal,
    },
  };
}
