/** What people who enqueue from TypeScript need: builders of run configs, and the shape of a message. */
export * from "./run-config/builders.ts";
