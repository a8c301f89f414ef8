import { type FakeDocker, fakeDocker } from "./docker.ts";
import { type FakeKubernetes, fakeKubernetes } from "./kubernetes.ts";
import { type FakeVertex, fakeVertex } from "./vertex.ts";
import { serveRest } from "./vertex-server.ts";

/** A Docker engine, a cluster and Vertex AI at work by themselves, on the clock of this machine. */
export interface FakePlatforms {
  readonly docker: FakeDocker;
  readonly kubernetes: FakeKubernetes;
  readonly vertex: FakeVertex;
  /** Where Vertex AI is. */
  readonly vertexUrl: string;
  /** Has something else work along. */
  alongside(work: () => void): void;
  close(): Promise<void>;
}

/** The platforms take a step so often. */
const BEAT_MS = 100;

/** Starts the platforms that are no part of AWS. */
export async function fakePlatforms(): Promise<FakePlatforms> {
  const [docker, kubernetes] = await Promise.all([fakeDocker(), fakeKubernetes()]);
  const vertex = fakeVertex();
  const server = await serveRest(vertex);
  const works = [
    () => {
      docker.now = new Date();
      docker.tick();
    },
    () => {
      kubernetes.store.now = new Date();
      kubernetes.advance(1, 0);
    },
    () => {
      vertex.advance(Date.now() - vertex.now().getTime() - 1_000);
      vertex.tick();
    },
  ];
  const heart = setInterval(() => {
    for (const work of works) work();
  }, BEAT_MS);
  return {
    docker,
    kubernetes,
    vertex,
    vertexUrl: `http://127.0.0.1:${server.port}`,
    alongside: (work) => void works.push(work),
    async close() {
      clearInterval(heart);
      await Promise.all([docker.close(), kubernetes.close(), server.close()]);
    },
  };
}
