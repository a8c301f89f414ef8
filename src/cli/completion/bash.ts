import { type Completable, type CompletableOption, type Values, valuesOf } from "./completable.ts";

/** A script for bash 4 or newer. */
export function bashScript(root: Completable, all: readonly Completable[]): string {
  const global = root.options.flatMap(flagsOf);
  return `# bash completion of sluice
_sluice() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]} path="" word i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${path:+$path }\${COMP_WORDS[i]}"
    case "$word" in
      ${all.map(({ words }) => quote(words.join(" "))).join(" | ")}) path=$word ;;
    esac
  done
  COMPREPLY=()
  case "$path $prev" in
${[...all, root].flatMap(valueCases).join("\n")}
  esac
  case "$path" in
${[root, ...all].map((completable) => pathCase(completable, global)).join("\n")}
  esac
}
_sluice_flags() { [[ $cur != -* ]] || _sluice_words "$1"; }
_sluice_words() { mapfile -t -O "\${#COMPREPLY[@]}" COMPREPLY < <(compgen -W "$1" -- "$cur"); }
_sluice_paths() {
  compopt -o filenames
  mapfile -t -O "\${#COMPREPLY[@]}" COMPREPLY < <(compgen "$1" -- "$cur")
}
complete -F _sluice sluice
`;
}

/** Behind these options a value is completed; those of `sluice` itself may follow any command. */
function valueCases({ words, options }: Completable): readonly string[] {
  return options.flatMap(({ short, long, value }) => {
    if (value === undefined) return [];
    const patterns = [long, ...(short === undefined ? [] : [short])].map((flag) =>
      words.length === 0 ? `*${quote(` ${flag}`)}` : quote(`${words.join(" ")} ${flag}`),
    );
    return [`    ${patterns.join(" | ")}) ${reply(value)}; return ;;`];
  });
}

function pathCase(completable: Completable, global: readonly string[]): string {
  const { words, commands, options, arguments: args } = completable;
  const flags = [...(words.length === 0 ? [] : options.flatMap(flagsOf)), ...global];
  const names = commands.map(({ name }) => name);
  const values = [...(names.length === 0 ? [] : [names]), ...args.map(valuesOf)];
  const replies = values.filter((values) => values !== "any").map(reply);
  const all = [`_sluice_flags ${quote(flags.join(" "))}`, ...replies];
  return `    ${quote(words.join(" "))}) ${all.join("; ")} ;;`;
}

function flagsOf({ short, long }: CompletableOption): readonly string[] {
  return short === undefined ? [long] : [short, long];
}

function reply(values: Values): string {
  if (values === "any") return ":";
  if (values === "file") return "_sluice_paths -f";
  if (values === "folder") return "_sluice_paths -d";
  return `_sluice_words ${quote(values.join(" "))}`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
