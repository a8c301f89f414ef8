import { type ExamplesShape, examplesContract } from "../contracts/examples.ts";
import {
  addressesOf,
  exampleAgents,
  furnish,
  PARAMETERS,
  TEMPLATE,
} from "../contracts/examples-agents.ts";
import { allJobs } from "../contracts/examples-jobs.ts";
import { type ExampleMachine, startOn } from "../contracts/examples-machine.ts";
import { answerServer } from "../fakes/answers.ts";
import { fakeEcs } from "../fakes/ecs.ts";
import { fakePlatforms } from "../fakes/platforms.ts";

const REGION = "eu-west-1";

/** Everything on one machine: each command has a data folder and a `sluice.yml` of its own. */
async function open(machine: ExampleMachine): Promise<ExamplesShape> {
  const platforms = await fakePlatforms();
  furnish(platforms);
  const ecs = await fakeEcs({ region: REGION });
  ecs.clusters.add("prod");
  platforms.alongside(() => {
    ecs.advance(Date.now() - ecs.now().getTime() - 1_000);
    ecs.tick();
  });
  const values: Readonly<Record<string, string>> = {
    [PARAMETERS.kubeconfig]: platforms.kubernetes.kubeconfig,
    [PARAMETERS.database]: machine.env["DATABASE_PASSWORD"] ?? "",
  };
  const rest = await answerServer(({ url, body }, response) => {
    if (url.startsWith(`/${TEMPLATE.bucket}/${TEMPLATE.key}`)) {
      response.end(TEMPLATE.text);
      return;
    }
    const { Name } = JSON.parse(body) as { readonly Name: string };
    response.end(JSON.stringify({ Parameter: { Name, Value: values[Name] } }));
  });
  const aws = { endpoint: ecs.url, region: REGION };
  const env = {
    ...machine.env,
    ...ecs.env,
    AWS_ENDPOINT_URL_S3: rest.endpoint,
    AWS_ENDPOINT_URL_SSM: rest.endpoint,
  };
  return {
    run(type, args) {
      const agents = exampleAgents(`examples/${type}/sluice.yml`, addressesOf(platforms));
      return startOn(machine, { args, agents, env });
    },
    jobs: (runId) => allJobs({ machine, platforms, aws }, runId),
    async close() {
      await platforms.close();
      await ecs.close();
      await rest[Symbol.asyncDispose]();
    },
  };
}

examplesContract("embedded", {
  open,
  anywhere: { agent: "local", backend: "local" },
  patienceMs: 30_000,
});
