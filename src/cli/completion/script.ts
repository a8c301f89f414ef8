import { bashScript } from "./bash.ts";
import { completables } from "./completable.ts";
import { fishScript } from "./fish.ts";
import { zshScript } from "./zsh.ts";

/** The script that completes command lines in a shell. */
export function completionScript(shell: string): string {
  const [root, all] = completables();
  switch (shell) {
    case "bash":
      return bashScript(root, all);
    case "zsh":
      return zshScript(root, all);
    default:
      return fishScript(root, all);
  }
}
