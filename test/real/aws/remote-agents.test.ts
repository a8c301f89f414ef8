import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { cancel } from "../../../src/cancel.ts";
import type { JsonObject } from "../../../src/json.ts";
import { runLogs } from "../../../src/logs.ts";
import { isFinal, type Run } from "../../../src/run.ts";
import { SECOND } from "../../../src/time.ts";
import { jsonLines, makeFolder } from "../../cli/sluice.ts";
import { fakeEcs } from "../../fakes/ecs.ts";
import { fakeKubernetes } from "../../fakes/kubernetes.ts";
import { allows, type PolicyStatement, superfluousIn, useOf } from "../../serverless/policies.ts";
import { type RemoteAgent, remoteAgent, statementsIn } from "./remote-agent.ts";

const CREDENTIALS = { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" };
beforeEach(() => {
  // The SDK looks for them in the process; nobody checks these.
  Object.assign(process.env, CREDENTIALS);
});
afterEach(() => {
  for (const name of Object.keys(CREDENTIALS)) delete process.env[name];
});

/** The run configs and commands of a journey, as its platform takes them. */
interface Words {
  readonly config: JsonObject;
  readonly prints: readonly string[];
  readonly fails: readonly string[];
  readonly runs: readonly string[];
}

const FAKE_WORDS = { fails: ["exit", "3"], runs: ["run"] };

const isOver = ({ state }: Run) => isFinal(state);
const isRunning = ({ state }: Run) => state.type === "running";

/** Runs that succeed, fail and are cancelled, each launched by the host. */
async function journey(remote: RemoteAgent, { config, ...words }: Words): Promise<void> {
  const { cloud, start, until } = remote;
  const more = { run_config: config };
  await start("r1", words.prints, { ...more, name: "brave-otter" });
  expect(await cloud.store.get("r1")).toMatchObject({ place: "lab", state: { type: "waiting" } });
  const host = await remote.boot();
  const first = await until(host, "r1", isOver);
  expect(first.state).toMatchObject({ type: "succeeded", agent: "lab", launch: 1 });
  await expect(runLogs(cloud, "r1")).rejects.toMatchObject({ code: "unsupported" });
  await start("r2", words.fails, more);
  expect((await until(host, "r2", isOver)).state).toMatchObject({
    type: "failed",
    cause: { exitCode: 3 },
  });
  await start("r3", words.runs, more);
  await until(host, "r3", isRunning);
  await cancel(cloud, "r3");
  expect((await until(host, "r3", isOver)).state).toMatchObject({ type: "cancelled" });
}

/** What `sluice logs` prints on the machine of the host, as docs/agents.md says it is typed. */
async function logsTyped({ table, folder }: RemoteAgent, env: Record<string, string> = {}) {
  const [, typed = ""] =
    /```sh\nsluice (logs .*)\n```/.exec(readFileSync("docs/agents.md", "utf8")) ?? [];
  const words = typed.replace("--agent workshop", "--agent lab").split(" ");
  return await makeFolder().run(
    [...words, "--config", join(folder, "sluice.yml"), "--data", join(folder, "data"), "--json"],
    {
      env: {
        ...env,
        SLUICE_TABLE: table.table,
        AWS_REGION: "eu-west-1",
        AWS_ENDPOINT_URL_DYNAMODB: table.endpoint ?? "",
      },
    },
  );
}

const PAGE = readFileSync("docs/agents.md", "utf8");

/** The calls that no statement allows. */
function refused({ proxy }: RemoteAgent, statements: readonly PolicyStatement[]): string[] {
  const uses = proxy.calls.map(useOf).filter((use) => !statements.some((one) => allows(one, use)));
  return [...new Set(uses.map((use) => JSON.stringify(use)))];
}

describe("a remote agent", () => {
  test("on Kubernetes runs through its host, with the rights that docs/agents.md gives it", async () => {
    const kubernetes = await fakeKubernetes();
    kubernetes.store.now = new Date();
    const env = { KUBECONFIG_TEXT: kubernetes.kubeconfig };
    const remote = await remoteAgent(inject("dynamodb"), {
      agent: { backend: "kubernetes", remote: true, kubeconfig: { secret: "env:KUBECONFIG_TEXT" } },
      env,
      step: () => kubernetes.advance(),
    });
    try {
      const config = { type: "KubernetesRun", image: "etl:1" };
      await journey(remote, { config, prints: ["write", "one", "two"], ...FAKE_WORDS });
      const { code, stdout } = await logsTyped(remote, env);
      expect({ code, texts: jsonLines(stdout).map(({ text }) => text) }).toEqual({
        code: 0,
        texts: ["one", "two"],
      });
      expect(refused(remote, statementsIn(PAGE, remote.table))).toEqual([]);
      expect(kubernetes.store.jobs).toHaveLength(3);
    } finally {
      await remote.close();
      await kubernetes.close();
    }
  });

  test("on ECS runs through its host, with what docs/agents.md adds to those rights", async () => {
    const ecs = await fakeEcs({ region: "eu-west-1" });
    const remote = await remoteAgent(inject("dynamodb"), {
      agent: {
        backend: "ecs",
        remote: true,
        execution_role_arn: "arn:aws:iam::123456789012:role/execution",
        log_group: "/sluice/flows",
      },
      env: ecs.env,
      step: () => {
        ecs.tick();
        remote.pass(SECOND);
      },
    });
    try {
      const config = { type: "ECSRun", image: "registry.example.com/load:1" };
      // A definition that cannot be made is left to others to make.
      const fault = {
        type: "error",
        code: "ThrottlingException",
        message: "Rate exceeded",
      } as const;
      ecs.fail("RegisterTaskDefinition", fault, fault, fault);
      await journey(remote, {
        ...FAKE_WORDS,
        config,
        prints: ["print", "one", "two"],
        runs: ["sleep"],
      });
      const { code, stdout } = await logsTyped(remote, ecs.env);
      expect({ code, texts: jsonLines(stdout).map(({ text }) => text) }).toEqual({
        code: 0,
        texts: ["one", "two"],
      });
      const plain = statementsIn(PAGE, remote.table);
      expect(refused(remote, plain)).not.toEqual([]);
      const extended = plain.map((one, index) => (index === 0 ? withDefinitions(one) : one));
      expect(refused(remote, extended)).toEqual([]);
      const superfluous = extended.flatMap((one) =>
        superfluousIn(one, remote.proxy.calls.map(useOf)),
      );
      expect(superfluous.filter((what) => /once#|DeleteItem/.test(what))).toEqual([]);
      const rights = actionsIn("docs/backends/ecs.md");
      expect(ecs.calls.filter((call) => !rights.has(call))).toEqual([]);
      expect(ecs.tasks).toHaveLength(3);
    } finally {
      await remote.close();
      await ecs.close();
    }
  });

  test("on its own machine shows its log there with the command that docs/agents.md tells", async () => {
    const remote = await remoteAgent(inject("dynamodb"), { agent: { backend: "local" } });
    try {
      const config = { type: "LocalRun" };
      const prints = ["/bin/sh", "-c", "echo one; echo two"];
      const fails = ["/bin/sh", "-c", "exit 3"];
      await journey(remote, { config, prints, fails, runs: ["sleep", "600"] });
      const { code, stdout } = await logsTyped(remote);
      expect({ code, texts: jsonLines(stdout).map(({ text }) => text) }).toEqual({
        code: 0,
        texts: ["one", "two"],
      });
      const other = await makeFolder().run(["logs", "brave-otter", "--agent", "lab"], {
        env: { SLUICE_TABLE: remote.table.table, AWS_REGION: "" },
      });
      expect(other).toMatchObject({ code: 2, stderr: expect.stringContaining("AWS_REGION") });
    } finally {
      await remote.close();
    }
  });
});

/** A statement with what the page says must be added for agents on ECS. */
function withDefinitions(statement: PolicyStatement): PolicyStatement {
  const [, key = "", action = ""] =
    /add `([^`]+)` to the first list and\s+`([^`]+)` to its actions/.exec(PAGE) ?? [];
  const keys = (statement.Condition as Condition)["ForAllValues:StringLike"];
  return {
    ...statement,
    Action: [statement.Action, action].flat(),
    Condition: {
      "ForAllValues:StringLike": { "dynamodb:LeadingKeys": [...keys["dynamodb:LeadingKeys"], key] },
    },
  };
}

interface Condition {
  readonly "ForAllValues:StringLike": { readonly "dynamodb:LeadingKeys": readonly string[] };
}

/** The actions of AWS that a page names, without their service. */
function actionsIn(path: string): Set<string> {
  const names = readFileSync(path, "utf8").matchAll(/`(?:ecs|ec2|logs):(\w+)`/g);
  return new Set([...names].map(([, action = ""]) => action));
}
