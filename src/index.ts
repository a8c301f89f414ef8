/** For people who enqueue from TypeScript: builders of run configs and flow runners, and the message. */
export type { MessageBody } from "./message.ts";
export * from "./run-config/builders.ts";
export * from "./run-config/flow-runners.ts";
export { type ParsedRunConfig, parseRunConfig, type RunConfig } from "./run-config/index.ts";
export { serializeRunConfig } from "./run-config/serialize.ts";
