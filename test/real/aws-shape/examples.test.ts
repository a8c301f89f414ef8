import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import {
  DescribeSecurityGroupsCommand,
  DescribeSubnetsCommand,
  EC2Client,
} from "@aws-sdk/client-ec2";
import { CreateClusterCommand, ECSClient } from "@aws-sdk/client-ecs";
import { CreateBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { GetQueueUrlCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { PutParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { expect, test, vi } from "vitest";
import type { JsonObject } from "../../../src/json.ts";
import { type Started, startSluice } from "../../cli/sluice.ts";
import {
  type ExamplesShape,
  examplesContract,
  readExample,
  TYPES,
} from "../../contracts/examples.ts";
import {
  addressesOf,
  exampleAgents,
  furnish,
  PARAMETERS,
  TEMPLATE,
} from "../../contracts/examples-agents.ts";
import { allJobs } from "../../contracts/examples-jobs.ts";
import type { ExampleMachine } from "../../contracts/examples-machine.ts";
import { type FakePlatforms, fakePlatforms } from "../../fakes/platforms.ts";
import { type Aws, type Deployed, deploy } from "./deployment.ts";

/** Whoever has it may do everything. */
const TOKEN = "token";

/** Agents whose runs a host takes, on the machine of the examples. */
const HOSTED = ["laptop", "containers", "local"];

/** The shape, and what else its own tests look at. */
interface AwsShape extends ExamplesShape {
  readonly machine: ExampleMachine;
  readonly deployed: Deployed;
}

/** The AWS shape with all agents of the examples, and a machine with the hosts of those that need one. */
async function open(machine: ExampleMachine): Promise<AwsShape> {
  const platforms = await fakePlatforms();
  furnish(platforms);
  let agents = "";
  const deployed = await deploy({
    agents: async (aws) => {
      agents = JSON.stringify({ agents: await allAgents(aws, platforms) });
      return agents;
    },
    files: { "aws/task.yml": readFileSync("examples/aws/task.yml", "utf8") },
  });
  const aws: Aws = { endpoint: deployed.endpoint, region: deployed.region };
  await furnishAws(aws, {
    [PARAMETERS.kubeconfig]: platforms.kubernetes.kubeconfig,
    [PARAMETERS.database]: machine.env["DATABASE_PASSWORD"] ?? "",
  });
  await deployed.addToken(TOKEN, "admin");
  const hosts = HOSTED.map((agent) => startHost(machine, deployed, { agents, agent }));
  const user = { ...machine.env, SLUICE_API_URL: deployed.runtime.url, SLUICE_TOKEN: TOKEN };
  return {
    machine,
    deployed,
    run(_type, args) {
      const words = ["run", ...args, "--watch", "--json"];
      return startSluice(machine.path, words, { env: user });
    },
    jobs: (runId) => allJobs({ machine, platforms, aws }, runId),
    async close() {
      for (const { child } of hosts) child.kill();
      await Promise.all(hosts.map(({ ended }) => ended));
      await deployed.close();
      await platforms.close();
    },
  };
}

/** All agents there are, in the network that this AWS has. */
async function allAgents(aws: Aws, platforms: FakePlatforms): Promise<JsonObject> {
  const ec2 = new EC2Client(aws);
  const { Subnets: [subnet] = [] } = await ec2.send(new DescribeSubnetsCommand());
  const { SecurityGroups: [group] = [] } = await ec2.send(new DescribeSecurityGroupsCommand());
  const files = [...TYPES.map((type) => `examples/${type}/sluice.yml`), "examples/aws.yml"];
  const agents = files.map((file) => exampleAgents(file, addressesOf(platforms)));
  const text = JSON.stringify(Object.assign({}, ...agents, { local: { backend: "local" } }));
  const known = text
    .replaceAll(/subnet-0\w+/g, subnet?.SubnetId ?? "")
    .replaceAll("sg-0123", group?.GroupId ?? "");
  return JSON.parse(known) as JsonObject;
}

/** What the examples expect in an account of AWS. */
async function furnishAws(aws: Aws, parameters: Readonly<Record<string, string>>): Promise<void> {
  const { endpoint, region } = aws;
  await new ECSClient({ endpoint, region }).send(new CreateClusterCommand({ clusterName: "prod" }));
  const ssm = new SSMClient({ endpoint, region });
  for (const [Name, Value] of Object.entries(parameters)) {
    await ssm.send(new PutParameterCommand({ Name, Value, Type: "SecureString" }));
  }
  const s3 = new S3Client({ endpoint, region });
  const { bucket: Bucket, key: Key, text: Body } = TEMPLATE;
  await s3.send(
    new CreateBucketCommand({
      Bucket,
      CreateBucketConfiguration: { LocationConstraint: "eu-west-1" },
    }),
  );
  await s3.send(new PutObjectCommand({ Bucket, Key, Body }));
}

function startHost(
  machine: ExampleMachine,
  deployed: Deployed,
  { agents, agent }: { readonly agents: string; readonly agent: string },
): Started {
  const folder = machine.folder({ "sluice.yml": agents });
  const where = ["--config", `${folder}/sluice.yml`, "--data", `${folder}/data`];
  const env = { ...machine.env, ...deployed.env, SLUICE_TABLE: deployed.name };
  return startSluice(machine.flows, ["agent", agent, ...where], { env });
}

function more(opened: () => AwsShape): void {
  test.for(TYPES)("%s.yml as a message of the queue runs to its end", async (type) => {
    const { deployed, machine, jobs } = opened();
    const sqs = new SQSClient({ endpoint: deployed.endpoint, region: deployed.region });
    const { QueueUrl } = await sqs.send(
      new GetQueueUrlCommand({ QueueName: `${deployed.name}-runs` }),
    );
    const run_id = `queued-${type}`;
    const document = readExample(`examples/${type}.yml`);
    const patch = type === "local" ? { run_config: { working_dir: machine.flows } } : {};
    const MessageBody = JSON.stringify({ ...document, ...patch, run_id });
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }));
    const deadline = Date.now() + PATIENCE_MS;
    while (!(await deployed.runOf(run_id, TOKEN))["final"] && Date.now() < deadline)
      await sleep(300);
    expect(await deployed.runOf(run_id, TOKEN)).toMatchObject({
      state: "succeeded",
      cause: { exit_code: 0 },
    });
    expect(await jobs(run_id)).toHaveLength(1);
  });
}

const PATIENCE_MS = 60_000;

// Journeys mostly wait: for a minute of the schedule, or for the tick of a host.
vi.setConfig({ maxConcurrency: 12 });

examplesContract("AWS", {
  open,
  anywhere: { agent: "fargate", backend: "ecs" },
  patienceMs: PATIENCE_MS,
  more,
});
