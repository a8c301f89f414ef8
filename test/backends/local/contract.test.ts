import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type BackendHarness, backendContract } from "../../contracts/backend.ts";
import { guards, shell, testMachine } from "./machine.ts";

const LINES = ["first", "zweite Zeile — ünï", "", "  fourth"];

backendContract("local", {
  once: "always",
  logs: true,
  installations: false,
  open(): BackendHarness {
    const machine = testMachine();
    const counter = join(machine.folder, "started");
    const counted = (text: string) => ({ command: shell(`echo x >>'${counter}'; ${text}`) });
    const count = () =>
      existsSync(counter) ? readFileSync(counter, "utf8").split("\n").length - 1 : 0;
    return {
      backend: machine.open(),
      reopen: () => machine.open(),
      succeeds: counted("exit 0"),
      fails: counted("exit 3"),
      runs: counted("exec sleep 600"),
      writes: {
        request: counted(`printf '%s\\n' ${LINES.map((line) => `'${line}'`).join(" ")}`),
        lines: LINES,
      },
      refused: {
        "a command nobody has": { command: ["/no/such/command"] },
        "a directory nobody has": { config: { options: { working_dir: "/no/such/directory" } } },
        "no command": { command: null },
      },
      unknown: { backend: "local", id: "4711", ref: { run_id: "never", launch: 1 } },
      async started() {
        // A claim is made a little before its command counts itself.
        while (count() < guards(machine.folder).length) await sleep(10);
        return count();
      },
      tick: () => sleep(10),
      close: () => machine.close(),
    };
  },
});
