import type { S3ClientConfig } from "@aws-sdk/client-s3";
import type { TemplateReader } from "../template.ts";
import { fileReader } from "./file.ts";
import { type GcsReaderOptions, gcsReader } from "./gcs.ts";
import { httpsReader } from "./https.ts";
import { templateReader } from "./reader.ts";
import { s3Reader } from "./s3.ts";

/** What a machine reads templates with. */
export interface MachineTemplateOptions {
  /** Absolute directory where relative paths start. */
  readonly cwd: string;
  /** Settings of the client of S3. Default: all as the SDK finds it. */
  readonly s3?: S3ClientConfig;
  /** How Cloud Storage is reached. */
  readonly gcs?: GcsReaderOptions;
}

/**
 * Reads templates from the files of this machine, from S3 and Cloud Storage with the credentials of this
 * process, and from the web.
 */
export function readTemplateOnThisMachine({
  cwd,
  s3 = {},
  gcs,
}: MachineTemplateOptions): TemplateReader {
  return templateReader({
    cwd,
    readers: {
      agent: fileReader(),
      s3: s3Reader({ client: s3 }),
      gcs: gcsReader(gcs),
      https: httpsReader({ fetch }),
    },
  });
}
