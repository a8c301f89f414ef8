/** JSON as it comes and goes. */
export type Json = Readonly<Record<string, unknown>>;

/** A container of the fake engine. */
export interface FakeContainer {
  readonly id: string;
  name: string;
  readonly body: FakeBody;
  readonly made: Date;
  status: string;
  exitCode: number;
  oomKilled: boolean;
  error: string;
  startedAt: string;
  finishedAt: string;
  readonly networks: Set<string>;
  /** Messages it has written, oldest first. */
  readonly log: FakeMessage[];
}

/** What the fake reads of the body of `/containers/create`. */
export interface FakeBody {
  readonly Image?: string;
  readonly Cmd?: readonly string[];
  readonly Env?: readonly string[];
  readonly Labels?: Readonly<Record<string, string>>;
  readonly HostConfig?: Json;
  readonly NetworkingConfig?: { readonly EndpointsConfig?: Json };
}

/** One message of a container: a line, or a part of a long one. */
export interface FakeMessage {
  readonly stream: 1 | 2;
  readonly time: string;
  readonly content: Buffer;
}

/** The engine's way to write that something never happened. */
export const NEVER = "0001-01-01T00:00:00Z";

/** A container as the engine has just made it. */
export function madeContainer(id: string, name: string, body: FakeBody, made: Date): FakeContainer {
  return {
    id,
    name,
    body,
    made,
    status: "created",
    exitCode: 0,
    oomKilled: false,
    error: "",
    startedAt: NEVER,
    finishedAt: NEVER,
    networks: new Set(Object.keys(body.NetworkingConfig?.EndpointsConfig ?? { bridge: {} })),
    log: [],
  };
}

/** What `/containers/{id}/json` answers. */
export function inspected(container: FakeContainer): Json {
  return {
    Id: container.id,
    Name: `/${container.name}`,
    Created: container.made.toISOString(),
    State: {
      Status: container.status,
      Running: container.status === "running",
      ExitCode: container.exitCode,
      OOMKilled: container.oomKilled,
      Error: container.error,
      StartedAt: container.startedAt,
      FinishedAt: container.finishedAt,
    },
    Config: {
      Image: container.body.Image,
      Cmd: container.body.Cmd,
      Env: container.body.Env ?? [],
      Labels: container.body.Labels ?? {},
    },
    HostConfig: container.body.HostConfig ?? {},
    NetworkSettings: { Networks: Object.fromEntries([...container.networks].map((n) => [n, {}])) },
  };
}

/** An entry of `/containers/json`. */
export function listed(container: FakeContainer): Json {
  return {
    Id: container.id,
    Names: [`/${container.name}`],
    State: container.status,
    Created: Math.floor(container.made.getTime() / 1000),
    Labels: container.body.Labels ?? {},
  };
}

/** Whether a container fits the filters of a list: one value of each, all labels. */
export function fits(
  container: FakeContainer,
  filters: Readonly<Record<string, string[]>>,
): boolean {
  const { id = [], status = [], label = [] } = filters;
  return (
    (id.length === 0 || id.some((wanted) => container.id.startsWith(wanted))) &&
    (status.length === 0 || status.includes(container.status)) &&
    hasLabels(container.body.Labels ?? {}, label)
  );
}

/** Whether something carries all labels, each given as `name` or `name=value`. */
export function hasLabels(
  labels: Readonly<Record<string, string>>,
  wanted: readonly string[],
): boolean {
  return wanted.every((entry) => {
    const [name = "", ...value] = entry.split("=");
    return name in labels && (value.length === 0 || labels[name] === value.join("="));
  });
}

/** A message as the engine sends it: a header of eight bytes, the time, the text. */
export function frame({ stream, time, content }: FakeMessage): Buffer {
  const message = Buffer.concat([Buffer.from(`${time} `), content]);
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(message.length, 4);
  return Buffer.concat([header, message]);
}

/** Seconds since 1970 of a message's time, with nanoseconds. */
export function secondsOf(time: string): number {
  const [seconds = "", nanos = "0"] = time.replace("Z", "").split(".");
  return Date.parse(`${seconds}Z`) / 1000 + Number(`0.${nanos}`);
}
