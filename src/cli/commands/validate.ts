import { resolve } from "node:path";
import { agentReader } from "../../backends/open.ts";
import { type Issue, messageOf, PermanentError } from "../../errors.ts";
import { parseFlowDocument } from "../../flow-document.ts";
import { isJsonObject, type JsonValue } from "../../json.ts";
import { parseMessage } from "../../message.ts";
import type { Command, Context } from "../command.ts";
import { readDocument } from "../document.ts";
import { writeJson } from "../output.ts";

/** What was found in a file. */
interface Finding {
  readonly file: string;
  /** What the file is taken for, by its keys. */
  readonly kind: "sluice.yml" | "message" | "flow" | "unknown";
  readonly issues: readonly Issue[];
  readonly warnings: readonly string[];
}

const INVALID = 2;

export const command: Command = async (context) => {
  const { io, settings, args } = context;
  const files = args.length > 0 ? args : [settings.config];
  let code = 0;
  for (const file of files) {
    const finding = await check(context, file);
    if (finding.issues.length > 0) code = INVALID;
    const ok = finding.issues.length === 0;
    await (settings.json ? writeJson(io, { ok, ...finding }) : io.write(page(context, finding)));
  }
  return code;
};

async function check(context: Context, file: string): Promise<Finding> {
  let kind: Finding["kind"] = "unknown";
  try {
    const document = await readDocument(context, file);
    kind = kindOf(document, resolve(context.settings.cwd, file) === context.settings.config);
    return { file, kind, ...(await faultsOf(kind, document)) };
  } catch (error) {
    if (!(error instanceof PermanentError)) throw error;
    const issues =
      error.issues.length > 0 ? error.issues : [{ path: "", message: messageOf(error) }];
    return { file, kind, issues, warnings: [] };
  }
}

function kindOf(document: JsonValue, isConfig: boolean): Finding["kind"] {
  if (isConfig || (isJsonObject(document) && "agents" in document)) return "sluice.yml";
  if (!isJsonObject(document)) return "unknown";
  if ("flow" in document || "run_id" in document) return "message";
  return "name" in document ? "flow" : "unknown";
}

async function faultsOf(
  kind: Finding["kind"],
  document: JsonValue,
): Promise<Pick<Finding, "issues" | "warnings">> {
  switch (kind) {
    case "sluice.yml":
      await agentReader().parse(document);
      return { issues: [], warnings: [] };
    case "message": {
      const parsed = parseMessage(document, { plan: true });
      if (!parsed.ok) return { issues: parsed.issues, warnings: [] };
      return { issues: [], warnings: parsed.type === "run" ? parsed.warnings : [] };
    }
    case "flow":
      return { issues: [], warnings: parseFlowDocument(document).warnings };
    case "unknown": {
      const message = "expected a sluice.yml (agents), a message (flow) or a flow (name)";
      return { issues: [{ path: "", message }], warnings: [] };
    }
  }
}

function page({ io }: Context, { file, kind, issues, warnings }: Finding): string {
  const verdict = issues.length === 0 ? io.paint("green", "valid") : io.paint("red", "not valid");
  const what = kind === "unknown" || file.endsWith(kind) ? "" : ` (${kind})`;
  return [
    `${file}${what}: ${verdict}\n`,
    ...issues.map(({ path, message }) => `  ${path === "" ? "" : `${path}: `}${message}\n`),
    ...warnings.map((warning) => `  ${io.paint("yellow", "warning")}: ${warning}\n`),
  ].join("");
}
