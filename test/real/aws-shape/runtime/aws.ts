/** Asks services this project has no client of, by their HTTP APIs; moto checks no signatures. */
export interface RawAws {
  get(service: string, path: string): Promise<Record<string, unknown>>;
  post(service: string, path: string, input: unknown): Promise<Record<string, unknown>>;
  put(service: string, path: string, input: unknown): Promise<Record<string, unknown>>;
  /** Calls an operation of DynamoDB or its streams. */
  call(target: string, input: unknown): Promise<Record<string, unknown>>;
}

export function rawAws(endpoint: string, region: string): RawAws {
  const ask = async (
    service: string,
    path: string,
    init: Omit<RequestInit, "headers"> & { readonly headers?: Readonly<Record<string, string>> },
  ) => {
    const scope = `test/20261121/${region}/${service}/aws4_request`;
    const authorization = `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=none`;
    const headers = { ...init.headers, authorization };
    const response = await fetch(`${endpoint}${path}`, { ...init, headers });
    const text = await response.text();
    if (!response.ok) throw new Error(`${service} ${path}: ${response.status} ${text}`);
    return JSON.parse(text) as Record<string, unknown>;
  };
  const send = (method: string, input: unknown, more: Readonly<Record<string, string>> = {}) => ({
    method,
    headers: { "content-type": "application/json", ...more },
    body: JSON.stringify(input),
  });
  return {
    get: (service, path) => ask(service, path, { method: "GET" }),
    post: (service, path, input) => ask(service, path, send("POST", input)),
    put: (service, path, input) => ask(service, path, send("PUT", input)),
    call: (target, input) => {
      const type = { "content-type": "application/x-amz-json-1.0" };
      return ask("dynamodb", "/", send("POST", input, { ...type, "x-amz-target": target }));
    },
  };
}
