import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { ApiObject, Call } from "./cluster.ts";

/** A machine that only pretends: pods on it change their state, and no process is started. */
export interface TestNode {
  /** Takes each pod of the namespace one step further. */
  work(): Promise<void>;
  close(): Promise<void>;
}

interface Container {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
}

/**
 * Joins the cluster as a machine. The API server asks it for logs, over TLS, with the certificate that
 * the API server made for itself (SLUICE_TEST_CERTIFICATES names its folder).
 */
export async function startNode(call: Call, namespace: string): Promise<TestNode> {
  const logs = new Map<string, readonly string[]>();
  const folder = process.env["SLUICE_TEST_CERTIFICATES"] ?? "";
  const credentials = {
    key: readFileSync(`${folder}/apiserver.key`),
    cert: readFileSync(`${folder}/apiserver.crt`),
  };
  const server = createServer(credentials, (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "https://node");
    const [, , , pod = ""] = pathname.split("/");
    response.end(logText(logs.get(pod) ?? [], searchParams));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const name = `node-of-${namespace}`;
  await call("POST", "/api/v1/nodes", { metadata: { name } });
  await call("PATCH", `/api/v1/nodes/${name}/status`, {
    status: {
      addresses: [{ type: "InternalIP", address: "127.0.0.1" }],
      daemonEndpoints: { kubeletEndpoint: { Port: (server.address() as AddressInfo).port } },
    },
  });
  const pods = `/api/v1/namespaces/${namespace}/pods`;
  return {
    work: async () => {
      for (const pod of (await call("GET", pods)).items) {
        await unlessGone(step(call, pods, { pod, node: name, logs }));
      }
    },
    close: async () => {
      await call("DELETE", `/api/v1/nodes/${name}`);
      await new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      });
    },
  };
}

/** Pods come and go between two looks, and one that is going takes no machine; the next look sees it. */
async function unlessGone(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!/"reason":"(NotFound|Conflict)"/.test(String(error))) throw error;
  }
}

interface Step {
  readonly pod: ApiObject;
  readonly node: string;
  readonly logs: Map<string, readonly string[]>;
}

/** Waiting for a machine, being made, running, over: one step at a time, as a kubelet would. */
async function step(call: Call, pods: string, { pod, node, logs }: Step): Promise<void> {
  const { name, deletionTimestamp } = pod.metadata;
  const [flow] = pod.spec["containers"] as unknown as [Container];
  if (deletionTimestamp !== undefined) {
    await call("DELETE", `${pods}/${name}`, { gracePeriodSeconds: 0 });
    return;
  }
  if (pod.spec["nodeName"] === undefined) {
    const target = { apiVersion: "v1", kind: "Node", name: node };
    await call("POST", `${pods}/${name}/binding`, { metadata: { name }, target });
    return;
  }
  const status = nextStatus(pod, flow);
  if (status === undefined) return;
  const [word, ...words] = flow.command ?? [];
  if (word === "printf") logs.set(name, words.slice(1));
  await call("PATCH", `${pods}/${name}/status`, { status });
}

function nextStatus(pod: ApiObject, flow: Container): object | undefined {
  const now = new Date().toISOString().replace(/\.\d+/, "");
  const phase = pod.status?.phase;
  const container = (state: object) => [
    {
      name: flow.name,
      image: flow.image,
      imageID: "",
      ready: "running" in state,
      restartCount: 0,
      state,
    },
  ];
  if (phase === "Pending" && flow.image.startsWith("missing")) {
    const waiting = { reason: "ErrImagePull", message: `no such image: ${flow.image}` };
    return { startTime: now, containerStatuses: container({ waiting }) };
  }
  if (phase === "Pending") {
    const containerStatuses = container({ running: { startedAt: now } });
    return { phase: "Running", startTime: now, containerStatuses };
  }
  const code = exitCodeOf(flow);
  if (phase !== "Running" || code === undefined) return undefined;
  const terminated = {
    exitCode: code,
    reason: code === 0 ? "Completed" : "Error",
    finishedAt: now,
  };
  return {
    phase: code === 0 ? "Succeeded" : "Failed",
    containerStatuses: container({ terminated }),
  };
}

/** What `sh -c "exit N"` and `printf` end with; `sleep` goes on. */
function exitCodeOf({ command = [] }: Container): number | undefined {
  if (command[0] === "sleep") return undefined;
  return Number(/exit (\d+)/.exec(command.at(-1) ?? "")?.[1] ?? 0);
}

function logText(lines: readonly string[], query: URLSearchParams): string {
  const times = query.get("timestamps") === "true";
  const since = query.get("sinceTime") ?? "1970-01-01T00:00:00Z";
  const written = lines.map((text, index) => ({
    time: `2026-11-21T12:00:0${index}.000000001Z`,
    text,
  }));
  const shown = written.filter(({ time }) => Date.parse(time) >= Date.parse(since));
  return shown.map(({ time, text }) => `${times ? `${time} ` : ""}${text}\n`).join("");
}
