import { readdirSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { answerServer } from "../fakes/answers.ts";
import { jsonLines, makeFolder } from "./sluice.ts";

const request = (id: number, more: object = {}) =>
  JSON.stringify({
    run_id: `r${id}`,
    flow: { name: "a", command: ["echo", "hi"] },
    agent: { backend: "local", env: { KEY: "hunter2" } },
    ...more,
  });

describe("plan", () => {
  test("answers each line, in order, and bad ones too", async () => {
    const folder = makeFolder();
    const lines = [
      request(1),
      "nonsense",
      "",
      "[]",
      request(2, { labels: ["x"] }),
      '{"flow":"b"}',
      request(3),
    ];
    const { code, stdout, stderr } = await folder.run(["plan"], { input: lines.join("\n") });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const answers = jsonLines(stdout);
    const codes = answers.map(({ ok, error }) => ok || (error as { code: string }).code);
    expect(codes).toEqual([
      true,
      "invalid",
      "invalid",
      "invalid",
      "no_agent",
      "unknown_flow",
      true,
    ]);
    const ids = answers.map((answer) => {
      const launch = answer["launch"] as { env: Record<string, string> } | undefined;
      return launch?.env["SLUICE_RUN_ID"];
    });
    expect(ids.filter((id) => id !== undefined)).toEqual(["r1", "r3"]);
  });

  test("needs no data folder and makes none", async () => {
    const folder = makeFolder();
    await folder.run(["plan"], { input: `${request(1)}\n{"flow":"b"}\n` });
    expect(readdirSync(folder.path)).toEqual([]);
  });

  test("answers a line before the next one is there", async () => {
    const { child, shows, ended } = makeFolder().start(["plan"]);
    child.stdin.write(`${request(1)}\n`);
    await shows(/^.*"r1".*\n/);
    child.stdin.write(`${request(2)}\r\n`);
    await shows(/\n.*"r2".*\n/);
    child.stdin.end();
    expect((await ended).code).toBe(0);
  });

  test("hides values of variables unless told to show them", async () => {
    const folder = makeFolder();
    const hidden = await folder.run(["plan"], { input: request(1) });
    expect(hidden.stdout).toContain('"KEY":"***"');
    const shown = await folder.run(["plan", "--show-secrets"], { input: request(1) });
    expect(shown.stdout).toContain('"KEY":"hunter2"');
  });

  test("inherits variables of the process, without those that lead to rights", async () => {
    const env = { FAMILIAR: "yes", AWS_SECRET_ACCESS_KEY: "hunter2" };
    const { stdout } = await makeFolder().run(["plan", "--show-secrets"], {
      input: request(1),
      env,
    });
    expect(stdout).toContain('"FAMILIAR":"yes"');
    expect(stdout).not.toContain("AWS_SECRET");
  });

  test("knows agents of sluice.yml and registered flows", async () => {
    const folder = makeFolder({
      "other.yml": "agents: { box: { backend: local, labels: [box] } }",
      "flow.yml": "name: greet\ncommand: echo hi\nrun_config: { type: LocalRun, labels: [box] }\n",
    });
    await folder.run(["register", "flow.yml"]);
    const { stdout } = await folder.run(["plan", "--config", "other.yml"], {
      input: '{"flow":"greet"}',
    });
    expect(jsonLines(stdout)).toMatchObject([{ ok: true, agent: "box", backend: "local" }]);
  });

  test("reads templates from S3 and Cloud Storage, where its environment says", async () => {
    onTestFinished(() => void vi.unstubAllEnvs());
    vi.stubEnv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE");
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "secret");
    const template = { metadata: { labels: { team: "etl" } }, spec: { template: { spec: {} } } };
    const answer = (_: unknown, response: ServerResponse) => response.end(JSON.stringify(template));
    await using s3 = await answerServer(answer);
    await using gcs = await answerServer(answer);
    const env = {
      AWS_REGION: "eu-west-1",
      AWS_ENDPOINT_URL: s3.endpoint,
      STORAGE_EMULATOR_HOST: gcs.endpoint,
    };
    const lines = ["s3://bucket/jobs/etl.yaml", "gs://bucket/jobs/etl.yaml"].map((path, id) =>
      request(id, {
        agent: { backend: "kubernetes", job_template_path: path },
        run_config: { type: "KubernetesRun", image: "etl:1" },
      }),
    );
    const { stdout } = await makeFolder().run(["plan"], { input: lines.join("\n"), env });
    const job = { metadata: { labels: { team: "etl" } } };
    expect(jsonLines(stdout)).toMatchObject([
      { ok: true, launch: { job } },
      { ok: true, launch: { job } },
    ]);
    expect(s3.asked.map(({ url }) => url)).toEqual(["/bucket/jobs/etl.yaml?x-id=GetObject"]);
    expect(gcs.asked.map(({ url }) => url)).toEqual([
      "/storage/v1/b/bucket/o/jobs%2Fetl.yaml?alt=media",
    ]);
  });

  test("says nothing to nothing", async () => {
    const { code, stdout } = await makeFolder().run(["plan"], { input: "" });
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
  });

  test("is no error when its reader goes early", async () => {
    const { child, shows, ended } = makeFolder().start(["plan"]);
    child.stdin.write(`${request(1)}\n`);
    await shows("r1");
    child.stdout.destroy();
    for (let id = 2; id < 200; id++) child.stdin.write(`${request(id)}\n`);
    expect(await ended).toMatchObject({ code: 0, stderr: "" });
  });

  test("holds no more than a few requests in memory, however many there are", async () => {
    const lines = 2_000;
    const { child, ended } = makeFolder().start(["plan"], {
      node: ["--max-old-space-size=96"],
      env: { PATH: process.env["PATH"] ?? "" },
    });
    let answers = 0;
    child.stdout.on("data", (text: string) => {
      answers += text.split("\n").length - 1;
      // A slow reader: what is not read must not pile up there.
      if (answers % 7 === 0) {
        child.stdout.pause();
        setTimeout(() => child.stdout.resume(), 5);
      }
    });
    for (let id = 0; id < lines; id++) {
      const text = `${request(id, { parameters: { text: "x".repeat(60_000) } })}\n`;
      if (child.stdin.write(text)) continue;
      await Promise.race([new Promise((resolve) => child.stdin.once("drain", resolve)), ended]);
    }
    child.stdin.end();
    expect(await ended).toMatchObject({ code: 0, stderr: "" });
    expect(answers).toBe(lines);
  }, 120_000);
});
