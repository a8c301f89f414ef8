import type { World } from "../../backend.ts";
import { MINUTE, SECOND } from "../../time.ts";
import { type Address, isLocal, partsOf, targetOf } from "./address.ts";
import type { DockerApi } from "./api.ts";
import { EngineError } from "./errors.ts";

/** Tells an engine from others that listen at the same address, on another machine or after a change. */
export interface Identity {
  /**
   * The target of launches: the address, and who listens there. It may be ten minutes old, older if the
   * engine does not answer, and the address alone if it never has: so look before a launch is made.
   */
  target(): Promise<string>;
  /** Whether this is the target of launches right now. */
  isHere(target: string): Promise<boolean>;
  /** Whether a launch was begun at another engine than the one that listens there now. */
  isOther(target: string): Promise<boolean>;
}

/** How old an engine's name in a plan may be; wherever it matters the engine is asked each time. */
const KEPT_MS = 10 * MINUTE;
const WAIT_MS = 10 * SECOND;
/** An engine, or a proxy before it, that does not know the question or will not answer. */
const UNTOLD = [401, 403, 404, 405, 501];

/**
 * The identity of an engine: what it calls itself and, where only its own machine reaches it, the data
 * folder of that machine too, for engines in copies of one machine image have one name. An engine that
 * calls itself something else each time it is asked, as Podman does, has no name.
 *
 * Without a machine in its world nobody is asked, and the address is all.
 */
export function openIdentity(
  api: Pick<DockerApi, "id">,
  address: Address,
  { machine, now }: Pick<World, "machine" | "now">,
): Identity {
  let known: { readonly target: string; readonly at: number } | undefined;
  const name = stableName(api);
  const ask = async (): Promise<string> => {
    if (machine === undefined) return targetOf(address);
    const parts = [...(isLocal(address) ? [await machine.id()] : []), await name()];
    const identity = parts.filter((part) => part !== "").join("+");
    const target = targetOf(address, identity === "" ? undefined : identity);
    known = { target, at: now().getTime() };
    return target;
  };
  return {
    async target() {
      const fresh = known !== undefined && now().getTime() - known.at < KEPT_MS;
      if (fresh && known !== undefined) return known.target;
      try {
        return await ask();
      } catch {
        // Why it does not answer tells whoever asks next, a launch or a look.
        return known?.target ?? targetOf(address);
      }
    },
    isHere: async (target) => machine === undefined || (await ask()) === target,
    async isOther(target) {
      if (machine === undefined || partsOf(target).identity === undefined) return false;
      return (await ask()) !== target;
    },
  };
}

/** Asks an engine for its name, each time; empty for one that has none. */
function stableName(api: Pick<DockerApi, "id">): () => Promise<string> {
  let stable: Promise<boolean> | undefined;
  return async () => {
    stable ??= isStable(api);
    try {
      return (await stable) ? await nameOf(api) : "";
    } catch (error) {
      stable = undefined;
      throw error;
    }
  };
}

async function isStable(api: Pick<DockerApi, "id">): Promise<boolean> {
  return (await nameOf(api)) === (await nameOf(api));
}

async function nameOf(api: Pick<DockerApi, "id">): Promise<string> {
  try {
    return (await api.id(AbortSignal.timeout(WAIT_MS))).replace(/[^\w:-]/g, "");
  } catch (error) {
    if (error instanceof EngineError && UNTOLD.includes(error.status)) return "";
    throw error;
  }
}
