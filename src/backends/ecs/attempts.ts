import type * as Sdk from "@aws-sdk/client-ecs";
import { messageOf } from "../../errors.ts";
import { faultOf, kindOf, NOT_CONNECTED, OPEN } from "./errors.ts";

/**
 * Gives the error of an attempt that never reached ECS a name of its own: it has certainly done nothing.
 * The SDK does not repeat such an attempt.
 */
export function markUnconnected(client: Sdk.ECSClient): void {
  client.middlewareStack.add(
    (next) => async (args) => {
      try {
        return await next(args);
      } catch (error) {
        throw isUnconnected(error) ? notConnected(error) : error;
      }
    },
    { step: "finalizeRequest", priority: "low", name: "sluiceNotConnected" },
  );
}

const CODES = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"]);

function isUnconnected(error: unknown): boolean {
  const { code = "" } = (error ?? {}) as { readonly code?: string };
  return CODES.has(code) || /did not establish a connection/.test(messageOf(error));
}

/** Without the original as its cause, for the SDK would look at that and try again. */
function notConnected(error: unknown): Error {
  const { code } = error as { readonly code?: string };
  const message = `no connection to ECS: ${messageOf(error) || code}`;
  return Object.assign(new Error(message), { name: NOT_CONNECTED });
}

/**
 * Sends a RunTask and believes its last answer only if all attempts before it were refused.
 *
 * The SDK tries a call three times and throws what came of the last one. After an attempt whose answer
 * was lost, that says nothing of the task the lost one may have started: such a call throws `OPEN`
 * instead. A conflict is believed, for it names the tasks of the token.
 */
export async function sendWatched<T>(
  { middlewareStack }: Pick<Sdk.RunTaskCommand, "middlewareStack">,
  send: () => Promise<T>,
): Promise<T> {
  const doubts: unknown[] = [];
  middlewareStack.add(
    (next) => async (args) => {
      try {
        return await next(args);
      } catch (error) {
        if (kindOf(faultOf(error)) === "ambiguous") doubts.push(error);
        throw error;
      }
    },
    // Inside the SDK's repetitions, outside the middleware that names a missing connection.
    { step: "finalizeRequest", priority: "normal", name: "sluiceDoubts" },
  );
  try {
    return await send();
  } catch (error) {
    const [doubt] = doubts;
    const kind = kindOf(faultOf(error));
    throw doubt === undefined || kind === "conflict" || kind === "ambiguous"
      ? error
      : open(doubt, error);
  }
}

function open(doubt: unknown, last: unknown): Error {
  const { name } = faultOf(last);
  const message = `an attempt of RunTask failed by ${faultOf(doubt).name} (${messageOf(doubt)}), so nobody knows whether the task was started; the next one was answered ${name}: ${messageOf(last)}`;
  return Object.assign(new Error(message, { cause: last }), { name: OPEN });
}
