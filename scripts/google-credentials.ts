import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { invalid, messageOf } from "../src/errors.ts";
import { isJsonObject } from "../src/json.ts";

/** What the packaged file is called. */
const NAME = "google.json";

/**
 * Packages the configuration of a workload identity federation, by which functions are known to Google
 * without a key, beside the agents, and returns its path. Throws `PermanentError` ("invalid") for
 * anything else: a key has no place in a package.
 */
export function packageGoogleCredentials(file: string, folder: string): string {
  const text = read(file);
  const content = parsed(text);
  const type = isJsonObject(content) ? content["type"] : undefined;
  if (type !== "external_account") {
    const got = typeof type === "string" ? `the type ${type}` : "no JSON with a type";
    throw fault(
      `expected ${file} to be written by \`gcloud iam workload-identity-pools create-cred-config\`, with the type external_account; got ${got}`,
    );
  }
  const path = join(folder, NAME);
  writeFileSync(path, text);
  return path;
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw fault(`expected a file that can be read: ${messageOf(error)}`);
  }
}

/** What the parser says quotes the file, which may hold a key. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function fault(message: string) {
  return invalid("the deployment", [{ path: "googleCredentials", message }]);
}
