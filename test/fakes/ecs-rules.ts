/** JSON as the fake answers it. */
export type Json = Readonly<Record<string, unknown>>;

/** RunTask's input, as far as the fake judges it. */
export interface RunTaskInput {
  readonly cluster?: string;
  readonly clientToken?: string;
  readonly startedBy?: string;
  readonly count?: number;
  readonly launchType?: string;
  readonly capacityProviderStrategy?: readonly { readonly capacityProvider: string }[];
  readonly networkConfiguration?: unknown;
  readonly taskDefinition: string;
  readonly tags?: readonly Json[];
  readonly overrides?: {
    readonly containerOverrides?: readonly {
      readonly name?: string;
      readonly command?: readonly string[];
      readonly environment?: readonly { readonly name: string; readonly value: unknown }[];
    }[];
  };
}

/** RegisterTaskDefinition's input, as far as the fake judges it. */
export interface DefinitionInput {
  readonly family?: string;
  readonly networkMode?: string;
  readonly tags?: readonly { readonly key: string; readonly value?: string }[];
  readonly containerDefinitions?: readonly {
    readonly name?: string;
    readonly image?: string;
    readonly environment?: readonly { readonly name: string; readonly value?: string }[];
    readonly secrets?: readonly { readonly name: string; readonly valueFrom?: string }[];
    readonly logConfiguration?: { readonly options?: Readonly<Record<string, string>> };
  }[];
}

/** A registered definition. */
export interface Definition extends DefinitionInput {
  readonly taskDefinitionArn: string;
  readonly revision: number;
  status: "ACTIVE" | "INACTIVE";
}

/** A refusal as AWS writes it. */
export interface AwsError {
  readonly code: string;
  readonly message: string;
  /** Default: 400. */
  readonly status?: number;
  readonly extra?: Json;
}

/** Thrown by the fake's operations; the server turns it into an answer. */
export class Refusal extends Error {
  readonly error: AwsError;

  constructor(error: AwsError) {
    super(error.message);
    this.error = error;
  }
}

export function refuse(code: string, message: string, extra: Json = {}): never {
  throw new Refusal({ code, message, extra });
}

/** Parameter rules of RunTask that do not depend on what the fake holds. */
export function checkRunTask(input: RunTaskInput): void {
  const { clientToken = "", startedBy = "", overrides = {}, count = 1 } = input;
  if (!/^[\x21-\x7e]{1,64}$/.test(clientToken)) refuse("InvalidParameterException", "clientToken");
  if (!/^[A-Za-z0-9_/-]{0,128}$/.test(startedBy)) refuse("InvalidParameterException", "startedBy");
  if (count < 1 || count > 10) refuse("InvalidParameterException", "count");
  if (JSON.stringify(overrides).length > 8192) {
    refuse("InvalidParameterException", "Container Overrides length must be at most 8192");
  }
  if (input.launchType !== undefined && input.capacityProviderStrategy !== undefined) {
    refuse(
      "InvalidParameterException",
      "Specifying both a launch type and a capacity provider strategy is not supported.",
    );
  }
}

/** Whether overrides and network fit a definition. */
export function checkAgainstDefinition(input: RunTaskInput, definition: DefinitionInput): void {
  const containers = definition.containerDefinitions ?? [];
  for (const override of input.overrides?.containerOverrides ?? []) {
    const container = containers.find(({ name }) => name === override.name);
    if (container === undefined) {
      refuse(
        "InvalidParameterException",
        `Override for container named ${override.name} is not a container in the TaskDefinition.`,
      );
    }
    const secrets = new Set((container.secrets ?? []).map(({ name }) => name));
    for (const { name, value } of override.environment ?? []) {
      if (typeof value !== "string") refuse("SerializationException", "STRING_VALUE expected");
      if (secrets.has(name)) {
        refuse(
          "ClientException",
          `The secret name must be unique and not shared with any new or existing environment variables set on the container, such as '${name}'.`,
        );
      }
    }
  }
  if (definition.networkMode === "awsvpc" && input.networkConfiguration === undefined) {
    refuse(
      "InvalidParameterException",
      "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
    );
  }
}

/** What RegisterTaskDefinition refuses. */
export function checkDefinition({
  family = "",
  containerDefinitions = [],
  tags = [],
}: DefinitionInput): void {
  if (!/^[A-Za-z0-9_-]{1,255}$/.test(family)) refuse("ClientException", "Invalid family");
  for (const { name, image, environment = [], secrets = [] } of containerDefinitions) {
    if (!name || !image) refuse("ClientException", "Container.image should not be null or empty.");
    const names = [...environment, ...secrets].map((entry) => entry.name);
    if (new Set(names).size < names.length)
      refuse("ClientException", "The secret name must be unique");
  }
  const keys = tags.map(({ key }) => key);
  if (new Set(keys).size < keys.length) refuse("InvalidParameterException", "Duplicate tag keys");
}

/** What DescribeTaskDefinition says of a definition: what was registered, and AWS's defaults. */
export function withDefaults(input: DefinitionInput): DefinitionInput {
  const { tags: _, ...content } = input;
  const defaults = {
    volumes: [],
    placementConstraints: [],
    compatibilities: ["EC2", "FARGATE"],
    requiresAttributes: [{ name: "com.amazonaws.ecs.capability.docker-remote-api.1.18" }],
  };
  return {
    ...defaults,
    ...content,
    containerDefinitions: (content.containerDefinitions ?? []).map((container) => ({
      cpu: 0,
      portMappings: [],
      essential: true,
      mountPoints: [],
      volumesFrom: [],
      systemControls: [],
      ...container,
      environment: (container.environment ?? []).toReversed(),
    })),
  };
}
