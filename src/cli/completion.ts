import { PermanentError } from "../errors.ts";

export function completionScript(shell: string): string {
  throw new PermanentError("unsupported", `no completion for ${shell} yet`);
}
