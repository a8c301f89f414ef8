import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openAws } from "../../src/aws/app.ts";
import { observeEvent } from "../../src/aws/observe.ts";
import { namedAgent } from "../../src/jobs.ts";
import { launchRequest } from "../contracts/request.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-aws-"));
  const gpu = { backend: "vertex", project: "my-project", labels: [] };
  writeFileSync(join(folder, "sluice.json"), JSON.stringify({ agents: { gpu } }));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("the app of a function", () => {
  it("marks its jobs with the table of its deployment, and takes events of those alone", async () => {
    const app = await openAws({
      AWS_REGION: "eu-west-1",
      SLUICE_TABLE: "sluice-prod",
      SLUICE_QUEUE: "sluice-prod-runs",
      SLUICE_CONFIG: join(folder, "sluice.json"),
      SLUICE_LAUNCH_LEASE_SECONDS: "70",
      SLUICE_KEEP_DAYS: "90",
    });
    expect(app.installation).toBe("sluice-prod");
    const agent = namedAgent(app, { agent: "gpu" });
    const options = { image: "etl", machine_type: "n1-standard-4" };
    const config = { type: "VertexRun", backend: "vertex", options };
    const plan = await (await app.backend(agent)).plan(launchRequest({ agent, config }));
    expect(plan.launch["custom_job"]).toMatchObject({
      labels: { sluice_run: "run-1", sluice_installation: "sluice-prod" },
    });
    const asked: string[] = [];
    const get = async (id: string) => void asked.push(id);
    const observer = { ...app, store: { ...app.store, get } };
    await observeEvent(observer, taskEvent("sluice/sluice-dev/run-2/1"));
    await observeEvent(observer, taskEvent("sluice/run-3/1"));
    expect(asked).toEqual([]);
    await observeEvent(observer, taskEvent("sluice/sluice-prod/run-1/1"));
    expect(asked).toEqual(["run-1"]);
  });
});

/** What ECS says of a task that runs, with the mark of whoever has started it. */
function taskEvent(startedBy: string): string {
  const ecs = "arn:aws:ecs:eu-west-1:123456789012";
  const task = { clusterArn: `${ecs}:cluster/main`, taskArn: `${ecs}:task/main/0f1e2d3c4b5a4697` };
  return JSON.stringify({ detail: { ...task, startedBy, lastStatus: "RUNNING" } });
}
