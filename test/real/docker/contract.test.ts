import { setTimeout as sleep } from "node:timers/promises";
import { type BackendHarness, backendContract } from "../../contracts/backend.ts";
import { IMAGE, openRealEngine } from "./engine.ts";

const LINES = ["first", "zweite Zeile — ünï", "", "  fourth"];

backendContract("docker", {
  once: "always",
  logs: true,
  installations: true,
  async open(): Promise<BackendHarness> {
    const engine = await openRealEngine();
    const shell = (script: string) => ({
      agent: engine.agent,
      config: { options: { image: IMAGE } },
      command: ["/bin/sh", "-c", script],
    });
    return {
      backend: engine.open(),
      reopen: () => engine.open(),
      openFor: (installation) => engine.open({ installation }),
      succeeds: shell("exit 0"),
      fails: shell("exit 3"),
      runs: shell("exec sleep 600"),
      writes: {
        request: shell(`printf '%s\\n' ${LINES.map((line) => `'${line}'`).join(" ")}`),
        lines: LINES,
      },
      refused: {
        "an image nobody has": {
          agent: engine.agent,
          config: { options: { image: "sluice-no-such-image" } },
        },
        "a command nobody has": {
          agent: engine.agent,
          config: { options: { image: IMAGE } },
          command: ["/no/such/command"],
        },
        "an option nobody knows": {
          agent: engine.agent,
          config: { options: { image: IMAGE, host_config: { not_an_option: 1 } } },
        },
        "a machine that is opened": {
          agent: engine.agent,
          config: { options: { image: IMAGE, host_config: { privileged: true } } },
        },
      },
      unknown: {
        backend: "docker",
        id: "0123456789ab",
        ref: { container: "0123456789ab".repeat(5), name: "sluice-never-1", target: engine.target },
      },
      started: engine.started,
      tick: () => sleep(20),
      close: engine.close,
    };
  },
});
