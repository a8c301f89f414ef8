/**
 * Writes a text so that Kubernetes hands it on as it is. In commands and variables Kubernetes puts the
 * value of a variable for `$(NAME)`, where there is one of that name, and one `$` for two.
 */
export function literal(text: string, variables: ReadonlySet<string>): string {
  let written = "";
  let at = 0;
  while (at < text.length) {
    const { length } = /^\$*/.exec(text.slice(at))?.[0] ?? "";
    if (length === 0) {
      const next = text.indexOf("$", at);
      const end = next < 0 ? text.length : next;
      written += text.slice(at, end);
      at = end;
    } else if (length > 1) {
      written += "$".repeat(length * 2);
      at += length;
    } else {
      const reference = /^\$\(([^)]*)\)/.exec(text.slice(at));
      const known = reference !== null && variables.has(reference[1] ?? "");
      // What looks like a reference and is none stays whole, with whatever is in it.
      const part = known || reference === null ? "$" : reference[0];
      written += known ? "$$" : part;
      at += part.length;
    }
  }
  return written;
}
