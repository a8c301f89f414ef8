import { describe } from "vitest";
import { backendContract } from "../../contracts/backend.ts";
import { openWorld, runOf, type Transport } from "./world.ts";

for (const transport of ["rest", "grpc"] as const satisfies readonly Transport[]) {
  describe(`over ${transport}`, () => {
    backendContract("vertex", {
      once: "after_find",
      logs: false,
      installations: true,
      open: async () => {
        const { service, open, close } = await openWorld(transport);
        const parent = "projects/my-project/locations/us-central1";
        const unknown = `${parent}/customJobs/1`;
        return {
          backend: open(),
          reopen: () => open(),
          openFor: (installation) => open({}, { installation }),
          succeeds: runOf("succeeds"),
          fails: runOf("fails"),
          runs: runOf("runs"),
          refused: {
            "a job without worker pools": runOf("runs", {
              config: { options: { worker_pool_specs: [] } },
            }),
            "a service account nobody may use": runOf("runs", {
              config: { options: { service_account: "nobody@my-project.iam" } },
            }),
            "a machine without a type": runOf("runs", {
              config: { options: { machine_type: null } },
            }),
          },
          unknown: { backend: "vertex", id: unknown, ref: { parent, name: unknown } },
          started: () => service.jobs().length,
          tick: service.tick,
          close,
        };
      },
    });
  });
}
