import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { copySources, serverless } from "./sources.ts";

/** A resource of a CloudFormation template. */
export interface Resource {
  readonly Type: string;
  readonly Properties: Properties;
  readonly DependsOn?: string | readonly string[];
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
}

/** Part of a template; whoever reads it knows what is a text or a number. */
export interface Properties {
  readonly [key: string]: Properties | undefined;
}

/** What is deployed, as CloudFormation is told. */
export interface Deployment {
  /** Where it was packaged: paths in the environments of functions start here. */
  readonly folder: string;
  /** Where the template stands. */
  readonly file: string;
  readonly resources: Readonly<Record<string, Resource>>;
  /** The resources of a type, by name. */
  ofType(type: string): readonly (readonly [name: string, properties: Properties])[];
  /** The properties of a resource; throws if there is none. */
  get(name: string): Properties;
  remove(): void;
}

/** The functions of the AWS shape, as the template calls them. */
export const FUNCTIONS = ["Dispatch", "Poll", "Observe", "Abandon", "Publish", "Api"];

/** Agents that ask for every kind of right. */
export const AGENTS = `
agents:
  prod:
    backend: ecs
    cluster: flows
    labels: [prod]
    log_group: /sluice/runs
    task_role_arn: arn:aws:iam::123456789012:role/flow
    execution_role_arn: arn:aws:iam::123456789012:role/pull
    task_definition_path: s3://definitions/prod.yml
    templates: ["s3://bucket/tasks/", "s3://other/a", "agent:///TEMPLATES/"]
    env: { TOKEN: { secret: "ssm:/flows/token" } }
  elsewhere:
    backend: ecs
    cluster: arn:aws:ecs:us-west-2:210987654321:cluster/west
    labels: [west]
    log_group: /west/runs
    log_groups: [/west/sidecars]
    task_definition_arns: [etl, "load:3"]
  north:
    backend: ecs
    region_name: eu-north-1
    labels: [north]
    run_task_kwargs: { cluster: icy }
  cluster:
    backend: kubernetes
    labels: [k8s]
    kubeconfig: { secret: "ssm:/sluice/kubeconfig" }
    env: { KEY: { secret: "secretsmanager:flows/key" } }
    templates: [gs://bucket/jobs/]
  box:
    backend: docker
    labels: [box]
    templates: [s3://never/]
`;

/** What `gcloud iam workload-identity-pools create-cred-config --aws` writes, as far as it matters here. */
export const GOOGLE_CREDENTIALS = JSON.stringify({
  type: "external_account",
  audience: "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/a/providers/b",
});

/**
 * Packages the service with some agents, as `npx serverless package` does, in an environment without
 * credentials. `options` are those of the command line, such as `--stage`.
 */
export async function packageService(
  agents: string,
  options: readonly string[] = [],
): Promise<Deployment> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-package-"));
  copySources(folder);
  const config = join(folder, "sluice.yml");
  writeFileSync(join(folder, "task.yml"), "family: x\n");
  writeFileSync(config, agents.replaceAll("/TEMPLATES/", `${folder}/task.yml`));
  const google = join(folder, "federation.json");
  writeFileSync(google, GOOGLE_CREDENTIALS);
  const params = [`config=${config}`, `googleCredentials=${google}`];
  await serverless(folder, [
    "package",
    "--package",
    join(folder, "out"),
    ...params.flatMap((one) => ["--param", one]),
    ...options,
  ]);
  const file = join(folder, "out", "cloudformation-template-update-stack.json");
  const { Resources: resources } = JSON.parse(readFileSync(file, "utf8")) as {
    readonly Resources: Record<string, Resource>;
  };
  return {
    folder,
    file,
    resources,
    ofType: (type) =>
      Object.entries(resources)
        .filter(([, { Type }]) => Type === type)
        .map(([name, { Properties }]) => [name, Properties]),
    get(name) {
      const resource = resources[name];
      if (resource === undefined) throw new Error(`the template has no ${name}`);
      return resource.Properties;
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** An attribute of a resource, as a template names it. */
export function attribute(name: string, key: string) {
  return { "Fn::GetAtt": [name, key] };
}

/** A statement of a policy, its lists made lists. */
export interface Statement {
  readonly role: string;
  readonly sid: string;
  readonly actions: readonly string[];
  readonly resources: readonly unknown[];
  readonly condition: unknown;
}

/** Every statement of every role of a deployment. */
export function statementsOf(deployment: Deployment): Statement[] {
  const inline = deployment
    .ofType("AWS::IAM::Role")
    .flatMap(([role, { Policies }]) =>
      listOf(Policies).map((policy) => [role, (policy as Properties)["PolicyDocument"]] as const),
    );
  const beside = deployment
    .ofType("AWS::IAM::RolePolicy")
    .map(
      ([, { RoleName, PolicyDocument }]) => [String(RoleName?.["Ref"]), PolicyDocument] as const,
    );
  return [...inline, ...beside].flatMap(([role, document]) =>
    listOf(document?.["Statement"]).map((statement) => {
      const { Sid, Action, Resource, Condition } = statement as Record<string, unknown>;
      return {
        role,
        sid: String(Sid),
        actions: listOf(Action).map(String),
        resources: listOf(Resource),
        condition: Condition,
      };
    }),
  );
}

function listOf(value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}
