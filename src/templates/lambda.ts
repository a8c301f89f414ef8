import type { S3ClientConfig } from "@aws-sdk/client-s3";
import type { TemplateReader } from "../template.ts";
import { machineFences } from "./fence.ts";
import { fileReader } from "./file.ts";
import { type GcsReaderOptions, gcsReader } from "./gcs.ts";
import { httpsReader } from "./https.ts";
import { type FamilyReader, templateReader } from "./reader.ts";
import { s3Reader } from "./s3.ts";

/** What a function reads templates with. */
export interface LambdaTemplateOptions {
  /**
   * Absolute folder that stands for the root of the agent's machine: `agent:///etc/sluice/t.json` is
   * `etc/sluice/t.json` in it. Its files are packaged with the function.
   */
  readonly files: string;
  /** Settings of the client of S3. */
  readonly s3: S3ClientConfig;
  /** How Cloud Storage is reached. */
  readonly gcs?: GcsReaderOptions;
}

/** Reads templates from files packaged with a function, from S3, Cloud Storage and the web. */
export function readTemplateInLambda({ files, s3, gcs }: LambdaTemplateOptions): TemplateReader {
  return templateReader({
    cwd: "/",
    readers: {
      agent: below(files, fileReader()),
      s3: s3Reader({ client: s3 }),
      gcs: gcsReader(gcs),
      https: httpsReader({ fetch }),
    },
  });
}

/** Reads the paths of a machine in a folder, its fences too: a link out of them leads to nothing. */
function below(folder: string, reader: FamilyReader): FamilyReader {
  return {
    read: ({ address, source, entries }) =>
      reader.read({
        source,
        address: { ...address, path: `${folder}${address.path}` },
        entries: machineFences(entries).map((path) => `agent://${folder}${path}`),
      }),
  };
}
