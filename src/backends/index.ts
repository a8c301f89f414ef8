import type { BackendModule } from "../backend.ts";

/** Every backend there is. Only those that agents use are loaded. */
export const backends = {
  ecs: () => import("./ecs/index.ts"),
  vertex: () => import("./vertex/index.ts"),
  kubernetes: () => import("./kubernetes/index.ts"),
  docker: () => import("./docker/index.ts"),
  local: () => import("./local/index.ts"),
} as const satisfies Readonly<Record<string, () => Promise<{ readonly backend: BackendModule }>>>;
