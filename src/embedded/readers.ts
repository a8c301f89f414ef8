import type { World } from "../backend.ts";
import { READING } from "../credentials/aws-reading.ts";
import { secretReader } from "../secrets/reader.ts";
import { gcsOptions } from "../templates/gcs.ts";
import { readTemplateOnThisMachine } from "../templates/machine.ts";

/** The services of AWS that are read from, as their endpoint variables name them. */
type Service = "S3" | "SSM" | "SECRETS_MANAGER";

/**
 * What backends on this machine read for themselves: templates, and secrets. What is in a cloud is read
 * with the credentials its SDK finds for this process, and nothing is loaded for it before it is needed.
 */
export function readersOnThisMachine({
  env,
  cwd,
  now,
}: Pick<World, "env" | "cwd" | "now">): Pick<World, "readTemplate" | "secret"> {
  return {
    readTemplate: readTemplateOnThisMachine({
      cwd,
      s3: clientSettings(env, "S3"),
      gcs: gcsOptions(env),
    }),
    secret: secretReader({
      now,
      env,
      ssm: clientSettings(env, "SSM"),
      secretsManager: clientSettings(env, "SECRETS_MANAGER"),
    }),
  };
}

/** The SDK itself reads AWS_REGION and profiles, but not the variable the AWS command line has. */
function clientSettings(env: World["env"], service: Service) {
  const region = env["AWS_REGION"] || env["AWS_DEFAULT_REGION"];
  const endpoint = env[`AWS_ENDPOINT_URL_${service}`] || env["AWS_ENDPOINT_URL"];
  return {
    ...READING,
    ...(region ? { region } : {}),
    ...(endpoint ? { endpoint } : {}),
  };
}
