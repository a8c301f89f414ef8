import * as z from "zod";
import { check } from "../../check.ts";
import type { Issue } from "../../errors.ts";
import type { JsonObject } from "../../json.ts";
import { MAX_SUBNETS } from "./limits.ts";

/**
 * What Sluice itself reads of task definitions and RunTask arguments. Everything else in them passes
 * through; AWS judges it.
 */
const size = z.union([z.string(), z.number()]).nullish();

const variable = z.looseObject({ name: z.string(), value: z.string().nullish() });
const secret = z.looseObject({ name: z.string(), valueFrom: z.string() });

/** AWS's rule for the tags of all its resources. */
const TAG_TEXT = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;
const tagText = z
  .string()
  .regex(TAG_TEXT, "expected letters, digits, spaces and + - = . _ : / @ only");

const tags = (most: number) =>
  z
    .array(
      z.looseObject({
        key: tagText
          .min(1, "expected a key")
          .max(128, "expected at most 128 characters")
          .refine((key) => !/^aws:/i.test(key), "expected a key that does not begin with aws:"),
        value: tagText.max(256, "expected at most 256 characters").nullish(),
      }),
    )
    .max(most, `expected at most ${most} tags`)
    .superRefine((list, context) => {
      for (const [index, { key }] of list.entries()) {
        if (list.findIndex((tag) => tag.key === key) === index) continue;
        const path = [index, "key"];
        context.addIssue({ code: "custom", path, input: key, message: "expected each key once" });
      }
    });

const container = z.looseObject({
  name: z
    .string()
    .regex(
      /^[A-Za-z0-9_-]{1,255}$/,
      "expected letters, digits, underscores and hyphens, 255 at most",
    )
    .optional(),
  image: z.string().nullish(),
  environment: z.array(variable).optional(),
  secrets: z.array(secret).optional(),
  logConfiguration: z
    .looseObject({
      logDriver: z.string().optional(),
      options: z.record(z.string(), z.string()).nullish(),
    })
    .nullish(),
});

const ephemeralStorage = z.looseObject({ sizeInGiB: z.number().nullish() }).nullish();

const template = z.looseObject({
  containerDefinitions: z.array(container).optional(),
  // AWS takes 50, and two are Sluice's own.
  tags: tags(48).optional(),
  cpu: size,
  memory: size,
  networkMode: z.string().nullish(),
  taskRoleArn: z.string().nullish(),
  executionRoleArn: z.string().nullish(),
  requiresCompatibilities: z.array(z.string()).nullish(),
  ephemeralStorage,
  runtimePlatform: z.looseObject({ operatingSystemFamily: z.string().nullish() }).nullish(),
});

type Size = string | number | null | undefined;
type Text = string | null | undefined;

/** One variable, as definitions and overrides write it. */
export interface EnvironmentEntry {
  readonly name: string;
  readonly value?: Text;
}

/** A variable whose value ECS itself fetches when the container starts. */
export interface ContainerSecret {
  readonly name: string;
  /** A parameter of Systems Manager, by name or ARN, or the ARN of a secret of Secrets Manager. */
  readonly valueFrom: string;
}

/** A template of task definitions, as far as Sluice reads it. */
export interface Template {
  readonly containerDefinitions?: readonly ContainerTemplate[];
  readonly tags?: readonly { readonly key: string; readonly value?: Text }[];
  readonly cpu?: Size;
  readonly memory?: Size;
  readonly networkMode?: Text;
  readonly taskRoleArn?: Text;
  readonly executionRoleArn?: Text;
  readonly requiresCompatibilities?: readonly string[] | null;
  readonly ephemeralStorage?: EphemeralStorage | null;
  readonly runtimePlatform?: { readonly operatingSystemFamily?: Text } | null;
}

/** The disk of a task on Fargate. */
export interface EphemeralStorage {
  readonly sizeInGiB?: number | null | undefined;
}

/** A container of a task definition. */
export interface ContainerTemplate {
  readonly name?: string;
  readonly image?: Text;
  readonly environment?: readonly EnvironmentEntry[];
  readonly secrets?: readonly ContainerSecret[];
  readonly logConfiguration?: {
    readonly logDriver?: string;
    readonly options?: Readonly<Record<string, string>> | null;
  } | null;
}

const containerOverride = z.looseObject({
  name: z.string().nullish(),
  environment: z.array(variable).optional(),
});

function absent(message: string) {
  return z
    .unknown()
    .refine((value) => value === undefined, message)
    .optional();
}

const strategy = z
  .array(z.looseObject({ capacityProvider: z.string(), base: z.number().nullish() }))
  .max(20, "expected at most 20 capacity providers")
  .superRefine((list, context) => {
    const based = [...list.entries()].filter(([, { base }]) => (base ?? 0) > 0);
    for (const [index, { base }] of based.slice(1)) {
      const message = "expected a base for one capacity provider only";
      context.addIssue({ code: "custom", path: [index, "base"], input: base, message });
    }
  });

const network = z.looseObject({
  awsvpcConfiguration: z
    .looseObject({
      subnets: z.array(z.unknown()).max(MAX_SUBNETS, `expected at most ${MAX_SUBNETS}`).nullish(),
      securityGroups: z.array(z.unknown()).max(5, "expected at most 5").nullish(),
    })
    .nullish(),
});

/** Arguments of RunTask that agents and runs may give. */
export const runTaskSchema = z.looseObject({
  cluster: z.string().nullish(),
  launchType: z.string().nullish(),
  capacityProviderStrategy: strategy.nullish(),
  networkConfiguration: network.nullish(),
  count: z
    .number()
    .refine((count) => count === 1, "expected 1, for a run is one task")
    .nullish(),
  clientToken: absent("expected none, for Sluice's own keeps a run from being started twice"),
  startedBy: absent("expected none, for Sluice finds the tasks of its runs by its own"),
  taskDefinition: absent("expected none, for task_definition_arn is the place for it"),
  tags: tags(50).nullish(),
  overrides: z
    .looseObject({
      containerOverrides: z.array(containerOverride).optional(),
      cpu: size,
      memory: size,
      ephemeralStorage,
    })
    .optional(),
});

/** Arguments of RunTask, as far as Sluice reads them. */
export interface RunTaskArguments {
  readonly cluster?: Text;
  readonly launchType?: Text;
  readonly networkConfiguration?: unknown;
  readonly capacityProviderStrategy?: readonly { readonly capacityProvider: string }[] | null;
  readonly overrides?: Overrides;
}

export interface Overrides {
  readonly containerOverrides?: readonly ContainerOverride[];
  readonly cpu?: Size;
  readonly memory?: Size;
  readonly taskRoleArn?: Text;
  readonly executionRoleArn?: Text;
  readonly ephemeralStorage?: EphemeralStorage | null;
}

/** What a run puts over one container of its definition. */
export interface ContainerOverride {
  readonly name?: Text;
  readonly command?: readonly string[];
  readonly environment?: readonly EnvironmentEntry[];
}

/** A value that was looked at, and every fault of it: its type holds only where there is none. */
export interface Examined<T> {
  readonly value: T;
  readonly issues: readonly Issue[];
}

/** A template and every fault of it, with its path below `at`. */
export function examineTemplate(value: JsonObject, at: string): Examined<Template> {
  const result = check(template, value, at);
  return { value, issues: result.ok ? [] : result.issues };
}

/** Every fault of RunTask's arguments, with its path below `at`. */
export function runTaskIssues(value: JsonObject, at: string): readonly Issue[] {
  const result = check(runTaskSchema, value, at);
  return result.ok ? [] : result.issues;
}
