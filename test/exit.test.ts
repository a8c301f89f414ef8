import { describe, expect, test } from "vitest";
import { exited } from "../src/exit.ts";

describe("how a process ended", () => {
  test.each([
    [0, "succeeded", { type: "exit", message: "exit code 0", exitCode: 0 }],
    [3, "failed", { type: "exit", message: "exit code 3", exitCode: 3 }],
    [
      137,
      "failed",
      {
        type: "killed",
        message: "ended by SIGKILL (exit code 137)",
        exitCode: 137,
        signal: "SIGKILL",
      },
    ],
    [
      139,
      "failed",
      {
        type: "exit",
        message: "ended by SIGSEGV (exit code 139)",
        exitCode: 139,
        signal: "SIGSEGV",
      },
    ],
    [255, "failed", { type: "exit", message: "exit code 255", exitCode: 255 }],
  ] as const)("with code %i is %s", (code, end, cause) => {
    expect(exited(code)).toEqual({ end, cause });
  });
});
