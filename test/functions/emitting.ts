// Run as a process of its own: what functions write on stdout is what CloudWatch reads.
import { readFileSync } from "node:fs";
import type { ScheduledEvent } from "aws-lambda";
import { pollWith } from "../../functions/poll.ts";
import { publishWith } from "../../functions/publish.ts";
import type { App } from "../../src/app.ts";
import type { Publisher } from "../../src/aws/publisher.ts";
import type { RunState } from "../../src/run.ts";
import { testApp } from "../fakes/app.ts";
import { headImage, streamEvent } from "./heads.ts";
import { invocation } from "./support.ts";

const ENDS: readonly RunState[] = [
  { type: "succeeded", cause: { type: "exit", exitCode: 0, message: "exit code 0" } },
  { type: "crashed", cause: { type: "abandoned", message: "every delivery has failed" } },
];

const { app } = testApp();
const list = async () => Promise.reject(new Error("the hosts cannot be read"));
const failing: App = { ...app, hosts: { ...app.hosts, list } };
const tick = JSON.parse(readFileSync("events/poll.json", "utf8")) as ScheduledEvent;
await pollWith(async () => failing)(tick, invocation());

const ended = ENDS.map((state, index) => ({ NewImage: headImage(`run-${index}`, state, 1) }));
const publisher: Publisher = { publish: async (changes) => changes.length };
await publishWith(() => publisher)(streamEvent(...ended), invocation());
