import { STATES } from "../run.ts";
import { DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE } from "../store.ts";
import type { ArgumentSpec, CommandSpec, OptionSpec } from "./command.ts";
import { OPERATION } from "./commands-operation.ts";

const RUN: ArgumentSpec = {
  name: "run",
  description: "id or name of a run, or the start of either",
};
const PARAM: OptionSpec = {
  flags: "--param <name=value>",
  description: "parameter of the run; JSON if it can be read as such, else text",
  many: true,
};
const LABEL: OptionSpec = {
  flags: "--label <label>",
  description: "label an agent must have; given ones replace those of the run config",
  many: true,
};
const SET: OptionSpec = {
  flags: "--set <key=value>",
  description: "property of the run config; dots reach nested keys, such as env.DAY=3",
  many: true,
};

/** What people do with runs and flows. */
const WORK: readonly CommandSpec[] = [
  {
    name: "run",
    summary: "run a flow",
    arguments: [
      {
        name: "file|flow",
        description: "a message as YAML or JSON (- for standard input), or a registered flow",
      },
    ],
    options: [
      PARAM,
      LABEL,
      SET,
      { flags: "--name <name>", description: "name of the run; else one is made up" },
      {
        flags: "--at <time>",
        description:
          "earliest start: a time with zone, or an offset from now such as +10m (s, m, h, d)",
      },
      {
        flags: "--watch",
        description: "follow its states and log until it ends; exit code 0 only if it succeeded",
      },
    ],
    examples: [
      ["run examples/hello.yml --watch", "run what a file describes, and follow it"],
      ["run nightly-load --param day=2026-11-21", "run a registered flow"],
      ["run nightly-load --label gpu --set cpu=2048", "somewhere else, and on ECS with more room"],
      ["run nightly-load --at 2026-11-22T01:00:00Z", "later"],
    ],
    load: () => import("./commands/run.ts"),
  },
  {
    name: "runs",
    summary: "list runs, newest first",
    options: [
      { flags: "--flow <name>", description: "only runs of this flow" },
      {
        flags: "--state <state>",
        description: "only runs in this state",
        choices: STATES,
      },
      { flags: "--agent <name>", description: "only runs of this agent" },
      { flags: "--label <label>", description: "only runs with this label" },
      { flags: "--search <text>", description: "only runs whose name or id starts with this text" },
      {
        flags: "--limit <number>",
        description: `how many to list (default: ${DEFAULT_PAGE_SIZE}, at most ${MAX_PAGE_SIZE})`,
      },
      { flags: "--cursor <cursor>", description: "go on where the list before ended" },
    ],
    examples: [
      ["runs", "the newest runs"],
      ["runs --state failed --flow nightly-load", "those of a flow that failed"],
      ["runs --json | jq -r .id", "one JSON document a line"],
    ],
    load: () => import("./commands/runs.ts"),
  },
  {
    name: "show",
    summary: "show a run and its request",
    arguments: [RUN],
    examples: [["show brave-otter", "one run"]],
    load: () => import("./commands/show.ts"),
  },
  {
    name: "logs",
    summary: "print what a run has written",
    arguments: [RUN],
    options: [
      { flags: "-f, --follow", description: "go on until the run has ended" },
      {
        flags: "--agent <name>",
        description: "read them on this machine, as the host of a remote agent",
      },
    ],
    examples: [
      ["logs brave-otter", "what there is"],
      ["logs -f brave-otter", "what there is and what follows"],
      ["logs brave-otter --agent workshop", "on the machine that works for this agent"],
    ],
    load: () => import("./commands/logs.ts"),
  },
  {
    name: "cancel",
    summary: "end a run",
    arguments: [RUN],
    examples: [["cancel brave-otter", "ask its job to stop"]],
    load: () => import("./commands/cancel.ts"),
  },
  {
    name: "rerun",
    summary: "submit a run's request again, as a new run",
    arguments: [RUN],
    options: [{ flags: "--watch", description: "follow the new run until it ends" }],
    examples: [["rerun brave-otter --watch", "once more, and follow it"]],
    load: () => import("./commands/rerun.ts"),
  },
  {
    name: "flows",
    summary: "list registered flows",
    examples: [["flows", "every flow with its newest version"]],
    load: () => import("./commands/flows.ts"),
  },
  {
    name: "register",
    summary: "register a flow; a changed one becomes a new version",
    arguments: [{ name: "file", description: "a flow as YAML or JSON (- for standard input)" }],
    examples: [["register examples/flow.yml", "so that it can be run by its name"]],
    load: () => import("./commands/register.ts"),
  },
  {
    name: "agents",
    summary: "list the agents of sluice.yml, in its order",
    examples: [["agents", "where runs can go"]],
    load: () => import("./commands/agents.ts"),
  },
  {
    name: "explain",
    summary: "say which agent takes a run, or why none does",
    arguments: [
      {
        name: "run|file|flow",
        description: "a run, a message as YAML or JSON, or a registered flow",
      },
    ],
    options: [PARAM, LABEL, SET],
    examples: [
      ["explain brave-otter", "why is it where it is?"],
      ["explain nightly-load --label gpu", "where would it go?"],
    ],
    load: () => import("./commands/explain.ts"),
  },
];

/** Every command of the line, in the order of its help. */
export const COMMANDS: readonly CommandSpec[] = [...WORK, ...OPERATION];
