// One sandbox of a function: loads its bundle and handles one event at a time, as Lambda does.
import { join } from "node:path";

interface Invocation {
  readonly event: unknown;
  readonly timeoutMs: number;
}

const [, , folder = "", handlerName = ""] = process.argv;
const dot = handlerName.lastIndexOf(".");
const module = (await import(join(folder, `${handlerName.slice(0, dot)}.js`))) as Record<
  string,
  (event: unknown, context: unknown) => Promise<unknown>
>;
const handler = module[handlerName.slice(dot + 1)];

process.on("message", ({ event, timeoutMs }: Invocation) => {
  const end = Date.now() + timeoutMs;
  const context = {
    functionName: process.env["AWS_LAMBDA_FUNCTION_NAME"],
    awsRequestId: crypto.randomUUID(),
    getRemainingTimeInMillis: () => end - Date.now(),
  };
  Promise.resolve(handler?.(event, context)).then(
    (value) => process.send?.({ ok: true, value: value ?? null }),
    (error: unknown) => process.send?.({ ok: false, error: String(error) }),
  );
});
process.send?.({ ok: true });
