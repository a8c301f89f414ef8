import { execFile } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const EMITTING = fileURLToPath(new URL("emitting.ts", import.meta.url));
const TRACE = "1-5759e988-bd862e3fe1be46a994272793";
const PARENT = "557abcec3ee5a047";

/** What Lambda tells a function that is to be traced, and where the daemon of X-Ray listens. */
const variables = (port: number) => ({
  PATH: process.env["PATH"],
  AWS_EXECUTION_ENV: "AWS_Lambda_nodejs24.x",
  AWS_LAMBDA_FUNCTION_NAME: "sluice-test-poll",
  AWS_XRAY_DAEMON_ADDRESS: `127.0.0.1:${port}`,
  LAMBDA_TASK_ROOT: "/var/task",
  POWERTOOLS_SERVICE_NAME: "sluice-test",
  _HANDLER: "dist/functions/poll.handler",
  _X_AMZN_TRACE_ID: `Root=${TRACE};Parent=${PARENT};Sampled=1`,
});

test("functions tell X-Ray of each invocation, as part of the trace that Lambda has begun", async () => {
  const daemon = createSocket("udp4");
  const segments: unknown[] = [];
  // A line of its own says in which form the rest is.
  daemon.on("message", (data) => segments.push(JSON.parse(data.toString().split("\n")[1] ?? "")));
  daemon.bind(0, "127.0.0.1");
  await once(daemon, "listening");
  try {
    const env = variables(daemon.address().port);
    await promisify(execFile)(process.execPath, [EMITTING], { env });
    await expect.poll(() => segments).toHaveLength(2);
  } finally {
    daemon.close();
  }
  for (const segment of segments) {
    expect(segment).toMatchObject({
      type: "subsegment",
      name: "## dist/functions/poll.handler",
      trace_id: TRACE,
      parent_id: PARENT,
      annotations: { Service: "sluice-test" },
    });
  }
});
