import { PREFECT_STATES } from "../../src/prefect-state.ts";
import { type CauseType, FINAL_STATES, type StateType } from "../../src/run.ts";
import { TRANSITIONS } from "../../src/transitions.ts";
import type { Generated } from "../generate.ts";

const MEANINGS: Readonly<Record<StateType, string>> = {
  scheduled: "stored; its message is on the queue, or will be when its start is near",
  waiting: "no agent takes it, its agent is elsewhere or unreachable, or the platform has no room",
  launching: "a handler has the lease and is starting the job",
  submitted: "the job is known to its platform and has not started yet",
  running: "the job runs",
  cancelling: "somebody asked that it ends; its job is being stopped, or looked for",
  succeeded: "its process ended with exit code 0",
  failed: "the flow's own process ended badly",
  crashed: "the platform did: never started, lost, reclaimed, refused",
  timed_out: "its platform ended it because it took longer than its run config allows",
  cancelled: "ended on request",
};

const CAUSES: Readonly<Record<CauseType, string>> = {
  exit: "its process ended by itself; with the exit code, and the signal for codes above 128",
  killed: "ended by SIGKILL or SIGTERM, and nothing says who sent it",
  out_of_memory: "it used more memory than it may",
  reclaimed: "its machine was taken back: Spot, eviction, preemption",
  infrastructure: "its machine was lost",
  start_failed: "the job never started",
  image: "its image could not be had",
  lost: "nobody can say how its job ended, or whether it has one: it is gone, its host is lost, or for a day nobody could look",
  rejected: "the platform refused the launch for good",
  invalid: "the request has faults; all of them are named",
  abandoned: "every delivery of its message failed",
  requested: "somebody cancelled it",
  deadline: "its platform ended it for taking too long",
};

/** The page of states, drawn from the table that the code obeys. */
export function statePage(): Generated {
  const states = Object.keys(MEANINGS) as StateType[];
  const content = `# States and causes

This page is made from \`src/transitions.ts\` by \`npm run generate\`. What is not in the table cannot be stored.

| state | means | Prefect's word | final |
| --- | --- | --- | --- |
${states.map((state) => `| ${state} | ${MEANINGS[state]} | ${PREFECT_STATES[state]} | ${isFinal(state) ? "yes" : ""} |`).join("\n")}

\`\`\`mermaid
stateDiagram-v2
${edges().join("\n")}
\`\`\`

| from | event | to |
| --- | --- | --- |
${rows().join("\n")}

- **create**, **end**: a message came in, or can never work · **send**: its message is put on the queue again
- **wait**: nothing can be launched now · **launch**: the intent is written · **take over**, **release**: the lease of a
  launch goes to another handler, or is given up · **submit**: the platform has the job
- **observe**: the platform says something of the job, in an answer or an event · **cancel**: somebody asked

## Causes

A final state carries why: its type, a sentence, and exit code and signal where there are some.

| cause | means |
| --- | --- |
${Object.entries(CAUSES)
  .map(([cause, meaning]) => `| ${cause} | ${meaning} |`)
  .join("\n")}
`;
  return { path: "docs/states.md", content };
}

function isFinal(state: string): boolean {
  return (FINAL_STATES as readonly string[]).includes(state);
}

/** One row for each start and event, with all states it may lead to. */
function rows(): string[] {
  const targets = new Map<string, string[]>();
  for (const [from, event, to] of TRANSITIONS) {
    const key = `| ${from} | ${event} |`;
    targets.set(key, [...(targets.get(key) ?? []), to]);
  }
  return [...targets].map(([key, to]) => `${key} ${to.join(", ")} |`);
}

/** One arrow for each pair of states; the final ones are drawn together. */
function edges(): string[] {
  const arrows = new Map<string, Set<string>>();
  for (const [from, event, to] of TRANSITIONS) {
    if (from === to) continue;
    const end = isFinal(to) ? "ended" : to;
    const key = `    ${from === "new" ? "[*]" : from} --> ${end}`;
    arrows.set(key, (arrows.get(key) ?? new Set()).add(event));
  }
  return [
    "    state ended {",
    ...FINAL_STATES.map((state) => `        ${state}`),
    "    }",
    ...[...arrows].map(([arrow, events]) => `${arrow}: ${[...events].join(", ")}`),
  ];
}
