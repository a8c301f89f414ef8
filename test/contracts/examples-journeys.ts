import { expect } from "vitest";
import type { ExampleMachine } from "./examples-machine.ts";

/** What a document in `examples/` is expected to become. */
export interface Journey {
  /** The agent that takes it; without one, the one for runs without labels. */
  readonly agent?: string;
  readonly backend?: string;
  /** The command its job gets, unless it is the flow's, a text by a shell. */
  readonly command?: readonly string[];
  /** Variables beside the run config's and those that tell of the run. */
  readonly env?: Readonly<Record<string, string>>;
  /** What else the platform knows of the job. */
  readonly raw?: object;
  /** What has to be said of the machine it runs on, as `--set` takes it. */
  readonly set?: readonly string[];
}

const MIB = 1024 ** 2;
const ETL = "registry.example.com/etl:3";

/** One journey for each document that asks for a run, by its path below `examples/`. */
export function journeysOn(machine: ExampleMachine): Readonly<Record<string, Journey>> {
  const laptop = { agent: "laptop", backend: "local" };
  const onLaptop = { LEVEL: "debug", DATABASE_PASSWORD: "of-the-database" };
  const containers = { agent: "containers", backend: "docker" };
  const prod = { agent: "prod", backend: "ecs" };
  const cluster = { agent: "cluster", backend: "kubernetes" };
  return {
    "hello.yml": { agent: "local", backend: "local" },
    "universal.yml": {},
    "universal/flow-runner.yml": {},
    "local.yml": {
      ...laptop,
      env: {
        ...onLaptop,
        PROGRAM: `${machine.path}/bin/python3 load.py --verbose`,
        PWD: machine.flows,
      },
      raw: { cwd: machine.flows },
      set: [`working_dir=${machine.flows}`],
    },
    "local/flow-runner.yml": {
      ...laptop,
      env: { ...onLaptop, PROGRAM: `${machine.flows}/.venv/bin/python load.py` },
      set: [`config.virtualenv=${machine.flows}/.venv`],
    },
    "local/prefect1.json": {
      ...laptop,
      command: ["python", "-m", "prefect", "execute", "flow-run"],
      env: {
        ...onLaptop,
        PREFECT__CONTEXT__FLOW_RUN_ID: "3f7c9ad2-9f5e-4b9f-a8f4-8e2b2f5f4d11",
        PROGRAM: `${machine.path}/bin/python -m prefect execute flow-run`,
      },
    },
    "docker.yml": {
      ...containers,
      raw: {
        Config: { Image: ETL },
        HostConfig: {
          Memory: 512 * MIB,
          ShmSize: 64 * MIB,
          Binds: ["flow-cache:/cache:rw"],
        },
        NetworkSettings: { Networks: { flows: {} } },
      },
    },
    "docker/flow-runner.yml": {
      ...containers,
      raw: {
        Config: { Image: ETL, Labels: { team: "data" } },
        HostConfig: { Binds: ["flow-cache:/cache:rw"] },
        NetworkSettings: { Networks: { flows: {} } },
      },
    },
    "ecs.yml": {
      ...prod,
      raw: {
        task: {
          launchType: "FARGATE",
          overrides: {
            cpu: "2048",
            memory: "4096",
            taskRoleArn: "arn:aws:iam::123456789012:role/nightly-load",
            executionRoleArn: "arn:aws:iam::123456789012:role/flow-execution",
          },
        },
        definition: {
          containerDefinitions: [
            {
              name: "flow",
              image: ETL,
              secrets: [{ name: "WAREHOUSE_KEY", valueFrom: "/prod/warehouse-key" }],
              logConfiguration: { options: { "awslogs-group": "/sluice/flows" } },
            },
          ],
        },
      },
    },
    "ecs/spot.json": {
      ...prod,
      raw: {
        task: { capacityProviderName: "FARGATE_SPOT" },
        definition: {
          containerDefinitions: [{ name: "flow", image: "registry.example.com/etl:4" }],
        },
      },
    },
    "kubernetes.yml": {
      ...cluster,
      raw: {
        metadata: { namespace: "flows", annotations: { team: "data" } },
        spec: {
          activeDeadlineSeconds: 7200,
          backoffLimit: 0,
          template: {
            spec: {
              serviceAccountName: "flow",
              imagePullSecrets: [{ name: "registry" }],
              nodeSelector: { disk: "fast" },
              containers: [
                {
                  name: "flow",
                  image: ETL,
                  resources: { requests: { cpu: "500m" }, limits: { memory: "2Gi" } },
                  env: expect.arrayContaining([
                    {
                      name: "DATABASE_PASSWORD",
                      valueFrom: { secretKeyRef: { name: "database", key: "password" } },
                    },
                  ]),
                },
              ],
            },
          },
        },
      },
    },
    "kubernetes/flow-runner.json": {
      ...cluster,
      raw: {
        metadata: { namespace: "flows", labels: { team: "data" } },
        spec: {
          template: {
            spec: {
              nodeSelector: { disk: "fast" },
              containers: [{ image: ETL }],
            },
          },
        },
      },
    },
    "vertex.yml": {
      agent: "training",
      backend: "vertex",
      env: { DATABASE_PASSWORD: "of-the-database" },
      raw: {
        name: expect.stringContaining("/locations/europe-west4/"),
        jobSpec: {
          serviceAccount: "flows@my-project.iam.gserviceaccount.com",
          scheduling: { timeout: { seconds: 7200 }, disableRetries: true },
          workerPoolSpecs: [
            {
              machineSpec: { machineType: "g2-standard-8", acceleratorCount: 1 },
              replicaCount: 1,
              containerSpec: { imageUri: "europe-docker.pkg.dev/my-project/flows/train:3" },
            },
          ],
        },
      },
    },
  };
}
