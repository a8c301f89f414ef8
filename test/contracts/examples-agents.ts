import { existsSync } from "node:fs";
import type { JsonObject } from "../../src/json.ts";
import type { FakePlatforms } from "../fakes/platforms.ts";
import { readExample } from "./examples.ts";

/** What is in the cloud where the agents of the examples look for it. */
export const PARAMETERS = {
  kubeconfig: "/sluice/kubeconfig",
  database: "/prod/database",
} as const;

/** Where the template of `examples/ecs/spot.json` is, and what it says. */
export const TEMPLATE = {
  bucket: "my-bucket",
  key: "definitions/nightly-load.yaml",
  text: `
cpu: "256"
memory: "512"
networkMode: awsvpc
containerDefinitions:
  - name: flow
    image: registry.example.com/etl:4
`,
} as const;

/** The agents of a `sluice.yml` of the examples with what each backend's are given; none without the file. */
export function exampleAgents(file: string, given: (backend: string) => JsonObject): JsonObject {
  if (!existsSync(file)) return {};
  const agents = Object.entries(readExample(file)["agents"] as JsonObject);
  return Object.fromEntries(
    agents.map(([name, agent]) => {
      const { backend, ...rest } = agent as JsonObject;
      return [name, { backend, ...rest, ...given(String(backend)) }];
    }),
  );
}

/** The addresses of platforms on this machine. Clusters of ECS and Kubernetes are found through AWS. */
export function addressesOf({ docker, vertexUrl }: FakePlatforms) {
  return (backend: string): JsonObject => {
    if (backend === "docker") return { base_url: docker.url };
    if (backend === "vertex") return { api_endpoint: vertexUrl };
    return {};
  };
}

/** Lets the platforms have what the examples expect of them. */
export function furnish({ docker }: FakePlatforms): void {
  docker.networks.add("flows");
  docker.registry["registry.example.com/etl:3"] = {};
}
