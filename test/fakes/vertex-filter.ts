/** What a filter of ListCustomJobs may look at. */
export interface Filterable {
  readonly displayName: string;
  readonly state: string;
  /** RFC 3339. */
  readonly createTime: string;
  readonly labels: Readonly<Record<string, string>>;
}

type Test = (job: Filterable) => boolean;

/**
 * Reads a filter as the service documents it: comparisons of `display_name`, `state`, `create_time` and
 * `labels.KEY`, joined by AND, OR, NOT and parentheses. Throws for anything else.
 */
export function parseFilter(text: string): Test {
  const tokens = text.match(/"[^"]*"|[()]|!=|<=|>=|[=<>:]|[^\s()=<>:!"]+/g) ?? [];
  if (tokens.length === 0) return () => true;
  const reader = { tokens, at: 0 };
  const test = readOr(reader);
  if (reader.at < tokens.length) throw new Error(`unexpected ${tokens[reader.at]} in the filter`);
  return test;
}

interface Reader {
  readonly tokens: readonly string[];
  at: number;
}

function readOr(reader: Reader): Test {
  const tests = [readAnd(reader)];
  while (accept(reader, "OR")) tests.push(readAnd(reader));
  return (job) => tests.some((test) => test(job));
}

function readAnd(reader: Reader): Test {
  const tests = [readNot(reader)];
  while (accept(reader, "AND")) tests.push(readNot(reader));
  return (job) => tests.every((test) => test(job));
}

function readNot(reader: Reader): Test {
  if (accept(reader, "NOT")) {
    const test = readNot(reader);
    return (job) => !test(job);
  }
  if (!accept(reader, "(")) return readComparison(reader);
  const test = readOr(reader);
  if (!accept(reader, ")")) throw new Error("expected ) in the filter");
  return test;
}

function readComparison(reader: Reader): Test {
  const field = next(reader);
  const operator = next(reader);
  const value = unquote(next(reader));
  if (field.startsWith("labels.")) return labelTest(field.slice("labels.".length), operator, value);
  switch (field) {
    case "display_name":
      if (operator === ":") return ({ displayName }) => wildcard(value).test(displayName);
      return compare(operator, ["=", "!="], ({ displayName }) => displayName, value);
    case "state":
      return compare(operator, ["=", "!="], ({ state }) => state, value);
    case "create_time": {
      const moment = Date.parse(value);
      if (Number.isNaN(moment)) throw new Error(`${value} is not a time in RFC 3339`);
      const all = ["=", "!=", "<", "<=", ">", ">="];
      return compare(operator, all, ({ createTime }) => Date.parse(createTime), moment);
    }
    default:
      throw new Error(`cannot filter by ${field}`);
  }
}

function labelTest(key: string, operator: string, value: string): Test {
  if (!/^[a-z][a-z0-9_]*$/.test(key)) throw new Error(`cannot filter by label ${key}`);
  if (operator === ":" && value === "*") return ({ labels }) => key in labels;
  return compare(operator, ["="], ({ labels }) => labels[key] ?? "", value);
}

function compare<T extends string | number>(
  operator: string,
  allowed: readonly string[],
  of: (job: Filterable) => T,
  value: T,
): Test {
  if (!allowed.includes(operator)) throw new Error(`operator ${operator} is not supported here`);
  const tests: Readonly<Record<string, Test>> = {
    "=": (job) => of(job) === value,
    "!=": (job) => of(job) !== value,
    "<": (job) => of(job) < value,
    "<=": (job) => of(job) <= value,
    ">": (job) => of(job) > value,
    ">=": (job) => of(job) >= value,
  };
  return tests[operator] as Test;
}

function wildcard(pattern: string): RegExp {
  return new RegExp(`^${pattern.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*")}$`);
}

function accept(reader: Reader, token: string): boolean {
  if (reader.tokens[reader.at] !== token) return false;
  reader.at++;
  return true;
}

function next(reader: Reader): string {
  const token = reader.tokens[reader.at++];
  if (token === undefined) throw new Error("the filter ends too early");
  return token;
}

function unquote(token: string): string {
  return token.startsWith('"') ? token.slice(1, -1) : token;
}
