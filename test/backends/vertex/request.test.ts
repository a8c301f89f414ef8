import { describe, expect, it } from "vitest";
import type { LaunchPlan } from "../../../src/backend.ts";
import { agentOptions } from "../../../src/backends/vertex/options.ts";
import { planJob } from "../../../src/backends/vertex/request.ts";
import { PermanentError } from "../../../src/errors.ts";
import type { JsonObject } from "../../../src/json.ts";
import { launchRequest, type RequestParts } from "../../contracts/request.ts";
import { runOf, vertexAgent } from "./world.ts";

const parent = "projects/my-project/locations/us-central1";

/** A machine with all a first pool needs, and where that pool stands. */
const MACHINE = { machine_type: "n1" };
const FIRST = "worker_pool_specs.0";

function planOf(parts: RequestParts, options: JsonObject = {}): LaunchPlan {
  return planJob(launchRequest(parts), {
    options: agentOptions.parse(options),
    owner: "cloud",
    installation: undefined,
    parent,
  });
}

interface Job {
  readonly display_name: string;
  readonly job_spec: {
    readonly worker_pool_specs: readonly JsonObject[];
    readonly scheduling: JsonObject;
    readonly service_account: string | null;
  };
}

function jobOf(options: JsonObject, parts: RequestParts = {}): Job {
  const plan = planOf(runOf("runs", { ...parts, config: { options } }));
  return plan.launch["custom_job"] as unknown as Job;
}

function containerOf(parts: RequestParts): JsonObject {
  const job = planOf(parts).launch["custom_job"] as unknown as Job;
  return job.job_spec.worker_pool_specs[0]?.["container_spec"] as JsonObject;
}

function issuesOf(parts: RequestParts): readonly string[] {
  try {
    planOf(parts);
  } catch (error) {
    if (error instanceof PermanentError) return error.issues.map(({ path }) => path);
    throw error;
  }
  return [];
}

describe("planning a CustomJob", () => {
  it("switches Google's own restarts off", () => {
    expect(jobOf({}).job_spec.scheduling).toEqual({ disable_retries: true });
    expect(jobOf({ scheduling: { timeout: "60s" } }).job_spec.scheduling).toEqual({
      timeout: "60s",
      disable_retries: true,
    });
    const off = { restart_job_on_worker_restart: false };
    expect(jobOf({ scheduling: off }).job_spec.scheduling).toEqual({
      ...off,
      disable_retries: true,
    });
  });

  it.each([
    { disable_retries: false },
    { disableRetries: false },
    { disable_retries: true },
    { restart_job_on_worker_restart: true },
    { restartJobOnWorkerRestart: true },
  ])("leaves them to a run that asks for %j", (scheduling) => {
    expect(jobOf({ scheduling }).job_spec.scheduling).toEqual(scheduling);
  });

  it("warns that a run that asks for restarts may run more than once", () => {
    const scheduling = { restart_job_on_worker_restart: true };
    const { warnings } = planOf(runOf("runs", { config: { options: { scheduling } } }));
    expect(warnings).toEqual([expect.stringMatching(/more than once/)]);
  });

  it("leaves the command to the image where there is none", () => {
    expect(containerOf(runOf("runs", { command: null }))).not.toHaveProperty("command");
    expect(containerOf(runOf("runs", { command: ["a", "b c"] }))["command"]).toEqual(["a", "b c"]);
  });

  it("keeps names and parameters from being read as references to variables", () => {
    const container = containerOf(runOf("runs", { parameters: { cost: "$(PRICE)" } }));
    expect(container["env"]).toContainEqual({
      name: "SLUICE_PARAMETERS",
      value: '{"cost":"$$(PRICE)"}',
    });
  });

  it("leaves references between variables of the user alone", () => {
    const env = { A: "1", B: "$(A)" };
    expect(containerOf(runOf("runs", { env }))["env"]).toContainEqual({ name: "B", value: "$(A)" });
  });

  it("names each key it will not send", () => {
    const options = {
      worker_pool_specs: [
        { machine_spec: { machine_type: "n1", machine_kind: "n1" }, replicas: 2 },
      ],
      scheduling: { time_out: "60s" },
    };
    const { warnings } = planOf(runOf("runs", { config: { options } }));
    expect(warnings.map((text) => text.split(" ")[0])).toEqual([
      "run_config.worker_pool_specs.0.machine_spec.machine_kind",
      "run_config.worker_pool_specs.0.replicas",
      "run_config.scheduling.time_out",
    ]);
  });

  it("warns that the container of the first pool is replaced", () => {
    const options = {
      worker_pool_specs: [{ machine_spec: MACHINE, container_spec: { image_uri: "theirs" } }],
    };
    const { warnings } = planOf(runOf("runs", { config: { options } }));
    expect(warnings).toEqual([
      expect.stringMatching(/^run_config.worker_pool_specs.0.container_spec is replaced/),
    ]);
  });

  it("warns of a display name that Vertex AI does not take as it is", () => {
    const long = planOf(runOf("runs", { flow: { name: "x".repeat(200) } }));
    expect(long.warnings).toEqual([expect.stringMatching(/display_name is of 212 characters/)]);
    const empty = planOf(runOf("runs", { flow: { name: "?" }, runName: "!" }));
    expect(empty.warnings).toEqual([expect.stringMatching(/display_name is an empty text/)]);
  });

  it("names every fault of the options at once", () => {
    const options = {
      worker_pool_specs: [
        { machine_spec: { accelerator_type: "GPU" }, python_package_spec: { python_module: "m" } },
        { replica_count: "two" },
      ],
      scheduling: { timeout: "soon" },
    };
    const env = { "not-a-name": "x" };
    expect(issuesOf(runOf("runs", { config: { options }, env }))).toEqual([
      "run_config.worker_pool_specs.0.python_package_spec",
      "run_config.worker_pool_specs.0.machine_spec.accelerator_type",
      "run_config.worker_pool_specs.1.replica_count",
      "run_config.scheduling.timeout",
      "run_config.env.not-a-name",
    ]);
  });

  it.each([
    [{ worker_pool_specs: [] }, "run_config.worker_pool_specs"],
    [{ worker_pool_specs: [null] }, "run_config.worker_pool_specs.0"],
    [{ worker_pool_specs: {} }, "run_config.worker_pool_specs"],
    [{ machine_type: 4 }, "run_config.machine_type"],
    [{ scheduling: [] }, "run_config.scheduling"],
  ])("refuses the options %j", (options, path) => {
    expect(issuesOf(runOf("runs", { config: { options } }))).toEqual([path]);
  });

  it.each([{}, { machine_spec: null }, { containerSpec: null, replica_count: null }])(
    "refuses an empty first pool: %j",
    (pool) => {
      const options = { worker_pool_specs: [pool, { machine_spec: MACHINE }] };
      expect(issuesOf(runOf("runs", { config: { options } }))).toEqual([`run_config.${FIRST}`]);
    },
  );

  it.each([0, "0", -1, "-1", 1.5])(
    "refuses a first pool of %j machines, in either spelling",
    (count) => {
      for (const key of ["replica_count", "replicaCount"]) {
        const options = { worker_pool_specs: [{ machine_spec: MACHINE, [key]: count }] };
        expect(issuesOf(runOf("runs", { config: { options } }))).toEqual([
          `run_config.${FIRST}.${key}`,
        ]);
      }
    },
  );

  it.each([
    [{ machine_type: null }, /names no machine_type/],
    [{ machine_type: "" }, /names no machine_type/],
    [{ worker_pool_specs: [{ machineSpec: { acceleratorCount: 1 } }] }, /names no machine_type/],
    [{ worker_pool_specs: [{ machine_spec: MACHINE, replicaCount: "3" }] }, /replica_count of 3/],
    [{ worker_pool_specs: [{ machineSpec: { machineType: "n1" }, replica_count: 2 }] }, /of 2/],
  ])("warns of a first pool that Vertex AI will not take: %j", (options, warning) => {
    const { warnings } = planOf(runOf("runs", { config: { options } }));
    expect(warnings).toEqual([expect.stringMatching(warning)]);
  });

  it.each([{ replica_count: 1 }, { replicaCount: "1" }, { replica_count: null }, {}])(
    "takes a first pool of one machine, and others as they are: %j",
    (count) => {
      const pools = [{ machineSpec: { machineType: "n1" }, ...count }, {}, { replica_count: 0 }];
      const options = { worker_pool_specs: [...pools, { replica_count: 7 }] };
      const { warnings } = planOf(runOf("runs", { config: { options } }));
      expect(warnings).toEqual([]);
      expect(jobOf(options).job_spec.worker_pool_specs).toMatchObject([
        ...pools,
        { replica_count: 7 },
      ]);
    },
  );

  it("refuses a secret in the variables of a run, and takes one from the agent", () => {
    const secret = { secret: "ssm:/prod/token" };
    expect(issuesOf(runOf("runs", { env: { TOKEN: secret } }))).toEqual(["run_config.env.TOKEN"]);
    const parts = runOf("runs", { agent: { ...vertexAgent(), env: { TOKEN: secret } } });
    expect(containerOf(parts)["env"]).toContainEqual({ name: "TOKEN", value: secret });
  });

  it("says whose variable has a name Vertex AI does not take", () => {
    const parts = runOf("runs", { agent: { ...vertexAgent(), env: { "a.b": "1" } } });
    expect(issuesOf(parts)).toEqual(["agent.env.a.b"]);
  });

  it("refuses more variables than Vertex AI takes", () => {
    const env = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`V${index}`, "1"]));
    expect(issuesOf(runOf("runs", { env }))).toEqual(["run_config.env"]);
  });

  it("runs as the run says, else as the agent says, else as nobody", () => {
    const agent = { service_account: "agent@p.iam" };
    const accountOf = (run: JsonObject, options: JsonObject) => {
      const { launch } = planOf(runOf("runs", { config: { options: run } }), options);
      return (launch["custom_job"] as unknown as Job).job_spec.service_account;
    };
    expect(accountOf({ service_account: "run@p.iam" }, agent)).toBe("run@p.iam");
    expect(accountOf({ service_account: "" }, agent)).toBe("");
    expect(accountOf({ service_account: null }, agent)).toBe("agent@p.iam");
    expect(accountOf({}, {})).toBeNull();
  });
});

describe("the options of an agent", () => {
  it("refuse what they do not know", () => {
    expect(agentOptions.safeParse({ projekt: "p" }).success).toBe(false);
  });

  it.each([
    { project: "no spaces" },
    { region_name: "evil.example/" },
    { owner: "Upper" },
    { submissions_per_minute: 0 },
    { submissions_per_minute: 10_001 },
    { api_endpoint: "https://host/path" },
    { api_endpoint: "http://127.0.0.1:1", transport: "grpc" },
    { transport: "soap" },
  ])("refuse %j", (options) => {
    expect(agentOptions.safeParse(options).success).toBe(false);
  });

  it.each([
    { project: "my-project", region_name: "europe-west1", service_account: "a@p.iam" },
    { project: "example.com:my-project", region_name: "", service_account: null },
    { project: null, region_name: null },
    { api_endpoint: "vertex.internal:8443", transport: "grpc", owner: "team_a-1" },
    { api_endpoint: "http://127.0.0.1:9" },
  ])("take %j", (options) => {
    expect(agentOptions.safeParse(options).success).toBe(true);
  });
});
