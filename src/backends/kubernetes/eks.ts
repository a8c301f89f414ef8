import { createHash, createHmac } from "node:crypto";

/** What a token for a cluster on EKS is made from. */
export interface EksTokenParts {
  readonly cluster: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** EKS takes a token for a quarter of an hour, whatever its address says. */
const EXPIRES_SECONDS = 60;

/**
 * A bearer token for a cluster on EKS: a signed address at which the cluster asks AWS who its bearer
 * is. It is what `aws eks get-token` prints, for where there is no `aws`, such as in a function.
 */
export function eksToken(parts: EksTokenParts, now: Date): string {
  const { cluster, region, accessKeyId, sessionToken } = parts;
  const time = now.toISOString().replace(/[-:]|\.\d+/g, "");
  const scope = `${time.slice(0, 8)}/${region}/sts/aws4_request`;
  const host = `sts.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}`;
  const query = encoded({
    Action: "GetCallerIdentity",
    Version: "2011-06-15",
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Credential": `${accessKeyId}/${scope}`,
    "X-Amz-Date": time,
    "X-Amz-Expires": String(EXPIRES_SECONDS),
    "X-Amz-SignedHeaders": "host;x-k8s-aws-id",
    ...(sessionToken === undefined ? {} : { "X-Amz-Security-Token": sessionToken }),
  });
  const headers = `host:${host}\nx-k8s-aws-id:${cluster}\n`;
  const request = ["GET", "/", query, headers, "host;x-k8s-aws-id", sha256("")].join("\n");
  const text = ["AWS4-HMAC-SHA256", time, scope, sha256(request)].join("\n");
  const signature = hmac(signingKey(parts, time.slice(0, 8)), text).toString("hex");
  const address = `https://${host}/?${query}&X-Amz-Signature=${signature}`;
  return `k8s-aws-v1.${Buffer.from(address).toString("base64url")}`;
}

/** Parameters in the order and spelling AWS signs them in. */
function encoded(parameters: Readonly<Record<string, string>>): string {
  return Object.keys(parameters)
    .sort()
    .map((name) => `${escaped(name)}=${escaped(parameters[name] ?? "")}`)
    .join("&");
}

function escaped(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function signingKey({ secretAccessKey, region }: EksTokenParts, day: string): Buffer {
  return [region, "sts", "aws4_request"].reduce<Buffer>(
    (key, part) => hmac(key, part),
    hmac(`AWS4${secretAccessKey}`, day),
  );
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
