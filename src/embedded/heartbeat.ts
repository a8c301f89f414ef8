import type { App } from "../app.ts";
import { messageOf, PermanentError } from "../errors.ts";
import { type AgentHost, BEAT_EVERY_MS, LOST_AFTER_MS, OFFLINE_AFTER_MS } from "../hosts.ts";
import { tellLateEnds } from "../late-ends.ts";
import { between, SECOND, type Timestamp, timestamp } from "../time.ts";
import { rest } from "./rest.ts";

/** Says that a host is at work, for as long as somebody asks it to. */
export interface Heartbeat {
  /**
   * Returns once the host was seen within the last 15 seconds, and beats for that if need be. Throws
   * `PermanentError` ("conflict") if another host works for the agent; whatever else it throws, the host
   * was not seen.
   */
  keep(): Promise<void>;
  /** Returns once the log lines about the host's return are written. */
  told(): Promise<void>;
}

/** How often the host looks whether it must beat; more often than it beats, so that no beat comes late. */
const LOOK_EVERY_MS = 5 * SECOND;

/**
 * The heartbeat of a host, by the clock of the app. A host that comes back after the cloud has given it
 * up, or after another host has worked for its agent, logs what became of the jobs of its lost runs; that
 * holds up no beat, and ends early if `signal` is aborted.
 */
export function heartbeat(
  app: App,
  self: Omit<AgentHost, "lastSeen">,
  signal?: AbortSignal,
): Heartbeat {
  let seen: Timestamp | undefined;
  let beating: Promise<void> | undefined;
  let telling = Promise.resolve();
  const tell = async (lastSeen: Timestamp) => {
    try {
      await tellLateEnds(app, lastSeen, signal);
    } catch (error) {
      app.log.warn("lost runs not looked for", { reason: messageOf(error) });
    }
  };
  const beat = async () => {
    const before = seen === undefined ? await app.hosts.get(self.agent) : undefined;
    const isOther = before !== undefined && before.id !== self.id;
    const last = seen ?? before?.lastSeen;
    const now = timestamp(app.now());
    const noted = await app.hosts.beat({ ...self, lastSeen: now });
    if (noted.id !== self.id) throw taken(noted, now);
    seen = now;
    if (last === undefined) return;
    if (isOther) tellTakenOver(app, before);
    else if (between(last, now) < LOST_AFTER_MS) return;
    else app.log.warn("host seen again after it was given up", { agent: self.agent, before: last });
    telling = telling.then(() => tell(last));
  };
  return {
    async keep() {
      if (seen !== undefined && between(seen, timestamp(app.now())) < BEAT_EVERY_MS) return;
      beating ??= beat().finally(() => {
        beating = undefined;
      });
      await beating;
    },
    told: () => telling,
  };
}

/**
 * Keeps a host seen until `signal` is aborted. A beat that fails is logged and tried again. Throws
 * `PermanentError` ("conflict") if another host works for the agent.
 */
export async function keepBeating(app: App, heart: Heartbeat, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await heart.keep();
    } catch (error) {
      if (error instanceof PermanentError) throw error;
      app.log.warn("host not seen", { reason: messageOf(error) });
    }
    await rest(LOOK_EVERY_MS, signal);
  }
}

/** Runs of the host before are left alone until it would be lost, and may still end there until then. */
function tellTakenOver({ log }: App, { agent, machine, lastSeen }: AgentHost): void {
  log.warn("agent taken over from another host", { agent, machine, lastSeen });
}

/** Two hosts on two data folders would take each other's jobs for gone. */
function taken({ agent, machine, lastSeen }: AgentHost, now: Timestamp): PermanentError {
  const ago = Math.max(0, Math.round(between(lastSeen, now) / SECOND));
  return new PermanentError(
    "conflict",
    `another host, on ${machine}, works for agent ${agent} (seen ${ago} s ago): stop it, wait ${OFFLINE_AFTER_MS / SECOND} s and start again`,
  );
}
