import { SCOPES } from "../tokens.ts";
import type { CommandSpec } from "./command.ts";

/** What people do with Sluice itself. */
export const OPERATION: readonly CommandSpec[] = [
  {
    name: "plan",
    summary: "say what would be launched: JSON lines in, JSON lines out; launches nothing",
    options: [
      {
        flags: "--show-secrets",
        description: "print values of variables that are hidden otherwise",
      },
    ],
    examples: [
      ["plan < messages.jsonl", "one answer for each line, in order"],
      ["plan --config prod.yml < messages.jsonl", "with the agents of another file"],
    ],
    load: () => import("./commands/plan.ts"),
  },
  {
    name: "up",
    summary: "dispatch and follow runs until stopped, and serve the HTTP API",
    options: [
      {
        flags: "--port <port>",
        description: "port of the HTTP API (default: 4300; 0: any free one)",
      },
      { flags: "--host <address>", description: "address it listens on (default: 127.0.0.1)" },
      {
        flags: "--allow-host <name>",
        description: "name under which requests may address it, beside that address and localhost",
        many: true,
      },
    ],
    examples: [
      ["up", "work until Ctrl-C; jobs go on after it"],
      ["up --config prod.yml --data /var/lib/sluice", "with files elsewhere"],
    ],
    load: () => import("./commands/up.ts"),
  },
  {
    name: "agent",
    summary: "work for one remote agent on this machine",
    arguments: [{ name: "name", description: "the agent, as sluice.yml names it" }],
    examples: [["agent workshop", "take the runs of the agent workshop"]],
    load: () => import("./commands/agent.ts"),
  },
  {
    name: "validate",
    summary: "check sluice.yml, messages and flows, and name every fault",
    arguments: [
      {
        name: "file",
        description: "files as YAML or JSON (- for standard input); else sluice.yml",
        optional: true,
        many: true,
      },
    ],
    examples: [
      ["validate", "the sluice.yml of this folder"],
      ["validate sluice.yml messages/*.yml", "several files"],
    ],
    load: () => import("./commands/validate.ts"),
  },
  {
    name: "token",
    summary: "manage the tokens of the HTTP API",
    examples: [["token create ci --scope run", "a token that may start runs"]],
    commands: [
      {
        name: "create",
        summary: "make a token and print it once",
        arguments: [{ name: "name", description: "name of the token, which no other has" }],
        options: [
          {
            flags: "--scope <scope>",
            description: "what it allows, each including those before (default: read)",
            choices: SCOPES,
          },
        ],
        examples: [["token create ci --scope run", "a token that may start runs"]],
        load: () => import("./commands/token-create.ts"),
      },
      {
        name: "list",
        summary: "list tokens by name; the tokens themselves are not kept",
        examples: [["token list", "names and what they allow"]],
        load: () => import("./commands/token-list.ts"),
      },
      {
        name: "remove",
        summary: "remove a token, which is refused from then on",
        arguments: [{ name: "name", description: "name of the token" }],
        examples: [["token remove ci", "take it back"]],
        load: () => import("./commands/token-remove.ts"),
      },
    ],
  },
  {
    name: "completion",
    summary: "print a script that completes command lines",
    arguments: [{ name: "shell", description: "which shell", choices: ["bash", "zsh", "fish"] }],
    examples: [
      ["completion bash > ~/.local/share/bash-completion/completions/sluice", "for bash"],
      ['completion zsh > "${fpath[1]}/_sluice"', "for zsh"],
      ["completion fish > ~/.config/fish/completions/sluice.fish", "for fish"],
    ],
    load: () => import("./commands/completion.ts"),
  },
];
