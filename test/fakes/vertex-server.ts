import type { IncomingMessage, ServerResponse } from "node:http";
import { createRequire } from "node:module";
import { connect, createServer as createTcpServer, type Server, type Socket } from "node:net";
import { grpc, protobuf, protobufFromJSON, serializer } from "google-gax";
import { bytesOf, serve } from "./serve.ts";
import { type FakeJob, type FakeVertex, NoAnswer, ServiceError } from "./vertex.ts";

/** A fake that listens. */
export interface VertexServer {
  readonly port: number;
  close(): Promise<void>;
}

const protos = createRequire(import.meta.url)(
  "@google-cloud/aiplatform/build/protos/protos.json",
) as object;

/** Google's own definitions, as the client uses them. */
export const root = protobufFromJSON(protos);

const V1 = "google.cloud.aiplatform.v1";
const type = (name: string) => root.lookupType(`${V1}.${name}`);

const STATUS = (
  "OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS " +
  "PERMISSION_DENIED RESOURCE_EXHAUSTED FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED " +
  "INTERNAL UNAVAILABLE DATA_LOSS UNAUTHENTICATED"
).split(" ");

const HTTP: Readonly<Record<number, number>> = {
  3: 400,
  4: 504,
  5: 404,
  7: 403,
  8: 429,
  9: 400,
  14: 503,
  16: 401,
};

/** The message of a job; states may be numbers nobody knows. */
function jobMessage(job: FakeJob): protobuf.Message {
  const { state, ...rest } = job;
  const number = typeof state === "number" ? state : numberOf(state);
  const message = type("CustomJob").fromObject(rest);
  Object.assign(message, number === undefined ? {} : { state: number });
  return message;
}

function numberOf(state: string | undefined): number | undefined {
  return root.lookupEnum(`${V1}.JobState`).values[`JOB_STATE_${state}`];
}

const plain = { longs: Number, enums: String, arrays: false } as const;

// --- REST ---------------------------------------------------------------------------------------

/** Speaks the service's HTTP and JSON, on a port of this machine. */
export async function serveRest(service: FakeVertex): Promise<VertexServer> {
  return serve((request, response) => answerHttp(service, request, response));
}

async function answerHttp(service: FakeVertex, request: IncomingMessage, response: ServerResponse) {
  try {
    const body = String(await bytesOf(request));
    service.authorizations.push(request.headers.authorization);
    const url = new URL(request.url ?? "/", "http://fake");
    if (url.searchParams.get("$alt") !== "json;enum-encoding=int") {
      throw new ServiceError(3, "the fake only writes numeric enums");
    }
    send(response, 200, route(service, request.method ?? "", url, body));
  } catch (error) {
    if (error instanceof NoAnswer) {
      if (error.how === "drop") request.socket.destroy();
      return;
    }
    const { code, message, reason, metadata } = toServiceError(error);
    const http = HTTP[code] ?? 500;
    const info = {
      "@type": "type.googleapis.com/google.rpc.ErrorInfo",
      reason,
      domain: "googleapis.com",
      metadata,
    };
    const details = reason === undefined ? [] : [info];
    send(response, http, { error: { code: http, message, status: STATUS[code], details } });
  }
}

function route(service: FakeVertex, method: string, url: URL, body: string): unknown {
  const path = decodeURIComponent(url.pathname).replace(/^\/v1\//, "");
  if (method === "POST" && path.endsWith("/customJobs")) {
    const job = serializer.fromProto3JSON(type("CustomJob"), JSON.parse(body));
    const parent = path.slice(0, -"/customJobs".length);
    return jobJson(service.create(parent, toPlain("CustomJob", job)));
  }
  if (method === "POST" && path.endsWith(":cancel")) {
    service.cancel(path.slice(0, -":cancel".length));
    return {};
  }
  if (method === "GET" && path.endsWith("/customJobs")) {
    const query = url.searchParams;
    const { customJobs, nextPageToken } = service.list({
      parent: path.slice(0, -"/customJobs".length),
      filter: query.get("filter") ?? "",
      pageSize: Number(query.get("pageSize") ?? 0),
      pageToken: query.get("pageToken") ?? "",
      readMask: (query.get("readMask") ?? "").split(",").filter((name) => name !== ""),
    });
    return { customJobs: customJobs.map(jobJson), nextPageToken };
  }
  if (method === "GET") return jobJson(service.get(path));
  throw new ServiceError(12, `no route ${method} ${path}`);
}

/** proto3-json-serializer cannot write numbers of an enum that nobody knows. */
function jobJson(job: FakeJob): unknown {
  const { state, ...rest } = job;
  const json = serializer.toProto3JSON(type("CustomJob").fromObject(rest), { numericEnums: true });
  return { ...(json as object), state: typeof state === "number" ? state : numberOf(state) };
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

// --- gRPC ---------------------------------------------------------------------------------------

/** Speaks the service's gRPC, on a port of this machine, through a relay that can break connections. */
export async function serveGrpc(service: FakeVertex): Promise<VertexServer> {
  const sockets = new Set<Socket>();
  const drop = () => {
    for (const socket of sockets) socket.destroy();
  };
  const server = new grpc.Server();
  server.addService(definition(), implementation(service, drop));
  const inner = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(port) : reject(error),
    );
  });
  const relay = createTcpServer((socket) => {
    const other = connect(inner, "127.0.0.1");
    sockets.add(socket);
    socket.on("close", () => {
      sockets.delete(socket);
      other.destroy();
    });
    other.on("close", () => socket.destroy());
    for (const end of [socket, other]) end.on("error", () => end.destroy());
    socket.pipe(other).pipe(socket);
  });
  await listen(relay);
  return {
    port: portOf(relay),
    close: async () => {
      drop();
      server.forceShutdown();
      await new Promise<void>((resolve) => {
        relay.close(() => resolve());
      });
    },
  };
}

function definition(): grpc.ServiceDefinition {
  const method = (name: string, request: protobuf.Type, response: protobuf.Type) => ({
    path: `/${V1}.JobService/${name}`,
    requestStream: false,
    responseStream: false,
    requestSerialize: (value: protobuf.Message) => Buffer.from(request.encode(value).finish()),
    requestDeserialize: (bytes: Buffer) => request.toObject(request.decode(bytes), plain),
    responseSerialize: (value: protobuf.Message) => Buffer.from(response.encode(value).finish()),
    responseDeserialize: (bytes: Buffer) => response.decode(bytes),
  });
  const job = type("CustomJob");
  return {
    CreateCustomJob: method("CreateCustomJob", type("CreateCustomJobRequest"), job),
    GetCustomJob: method("GetCustomJob", type("GetCustomJobRequest"), job),
    ListCustomJobs: method(
      "ListCustomJobs",
      type("ListCustomJobsRequest"),
      type("ListCustomJobsResponse"),
    ),
    CancelCustomJob: method(
      "CancelCustomJob",
      type("CancelCustomJobRequest"),
      root.lookupType("google.protobuf.Empty"),
    ),
  };
}

type Request = Readonly<Record<string, unknown>>;

function implementation(service: FakeVertex, drop: () => void): grpc.UntypedServiceImplementation {
  const answering =
    (work: (request: Request) => protobuf.Message) =>
    (call: { request: Request }, callback: grpc.sendUnaryData<protobuf.Message>): void => {
      try {
        callback(null, work(call.request));
      } catch (error) {
        if (error instanceof NoAnswer) {
          if (error.how === "drop") drop();
          return;
        }
        callback(toGrpcError(toServiceError(error)));
      }
    };
  return {
    CreateCustomJob: answering(({ parent, customJob }) =>
      jobMessage(service.create(parent as string, customJob as Partial<FakeJob>)),
    ),
    GetCustomJob: answering(({ name }) => jobMessage(service.get(name as string))),
    ListCustomJobs: answering(({ readMask, ...request }) => {
      const { paths } = (readMask ?? {}) as { paths?: string[] };
      const { customJobs, nextPageToken } = service.list({
        ...(request as { parent: string }),
        ...(paths === undefined ? {} : { readMask: paths }),
      });
      const message = type("ListCustomJobsResponse").create({ nextPageToken });
      Object.assign(message, { customJobs: customJobs.map(jobMessage) });
      return message;
    }),
    CancelCustomJob: answering(({ name }) => {
      service.cancel(name as string);
      return root.lookupType("google.protobuf.Empty").create({});
    }),
  };
}

const details = protobuf.parse(`
  syntax = "proto3";
  message Any { string type_url = 1; bytes value = 2; }
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
  message ErrorInfo { string reason = 1; string domain = 2; map<string, string> metadata = 3; }
`).root;

function toGrpcError({ code, message, reason, metadata: info }: ServiceError): grpc.ServiceError {
  const metadata = new grpc.Metadata();
  if (reason !== undefined) {
    const errorInfo = details.lookupType("ErrorInfo");
    const value = errorInfo
      .encode(errorInfo.fromObject({ reason, domain: "googleapis.com", metadata: info }))
      .finish();
    const status = details.lookupType("Status");
    const any = { typeUrl: "type.googleapis.com/google.rpc.ErrorInfo", value };
    const bytes = status.encode(status.fromObject({ code, message, details: [any] })).finish();
    metadata.set("grpc-status-details-bin", Buffer.from(bytes));
  }
  return Object.assign(new Error(message), { code, details: message, metadata });
}

// --- both ---------------------------------------------------------------------------------------

function toPlain(name: string, message: unknown): Partial<FakeJob> {
  return type(name).toObject(message as protobuf.Message, plain);
}

function toServiceError(error: unknown): ServiceError {
  return error instanceof ServiceError
    ? error
    : new ServiceError(3, `unreadable: ${String(error)}`);
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => resolve());
  });
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the fake does not listen");
  return address.port;
}
