import { type BackendHarness, backendContract } from "../../contracts/backend.ts";
import { openDocker } from "./harness.ts";

const LINES = ["first", "zweite Zeile — ünï", "", "  fourth"];

backendContract("docker", {
  once: "always",
  logs: true,
  installations: true,
  async open(): Promise<BackendHarness> {
    const { docker, backend, open, request, unknown, close } = await openDocker();
    return {
      backend,
      reopen: () => open(),
      openFor: (installation) => open({ installation }),
      succeeds: request("exit", "0"),
      fails: request("exit", "3"),
      runs: request("forever"),
      writes: { request: request("write", ...LINES), lines: LINES },
      refused: {
        "an image nobody has": { ...request(), config: { options: { image: "nothing" } } },
        "an image no registry has": { ...request(), config: { options: { image: "no/thing:1" } } },
        "a command nobody has": request("nowhere"),
        "too little memory": {
          ...request(),
          config: { options: { image: "etl", host_config: { mem_limit: "1m" } } },
        },
        "a machine that is opened": {
          ...request(),
          config: { options: { image: "etl", host_config: { privileged: true } } },
        },
      },
      unknown,
      started: () => docker.starts,
      tick: () => docker.tick(),
      close,
    };
  },
});
