import type { World } from "../../backend.ts";
import type { KubernetesApi } from "./api.ts";

/** An API server, what it is called, and what is around. */
export interface Connected {
  readonly api: KubernetesApi;
  /** The cluster as targets and jobs name it. Sends it nothing. */
  readonly cluster: () => Promise<string>;
  readonly world: World;
}
