import { afterEach, beforeEach } from "vitest";
import { type TestMachine, testMachine } from "./machine.ts";

/** A machine for each test of a file: another one in every test, closed after it. */
export function useTestMachine(): Pick<TestMachine, "folder" | "open"> {
  let machine: TestMachine;
  beforeEach(() => {
    machine = testMachine();
  });
  afterEach(() => machine.close());
  return {
    get folder() {
      return machine.folder;
    },
    open: (parts) => machine.open(parts),
  };
}
