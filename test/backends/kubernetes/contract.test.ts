import { backendContract } from "../../contracts/backend.ts";
import { fakeKubernetes } from "../../fakes/kubernetes.ts";
import { harnessOn } from "./harness.ts";

backendContract("kubernetes", {
  once: "always",
  logs: true,
  installations: true,
  open: async () => harnessOn(await fakeKubernetes()),
});
