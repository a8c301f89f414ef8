/**
 * Whether an event has what a pattern of EventBridge asks for: one of the values at each place, or a text
 * with a prefix. Throws for other filters, which this project does not use.
 */
export function matches(pattern: unknown, value: unknown): boolean {
  if (Array.isArray(pattern)) {
    const values: readonly unknown[] = Array.isArray(value) ? value : [value];
    return pattern.some((one: unknown) => values.some((given) => fits(one, given)));
  }
  const members = (value ?? {}) as Readonly<Record<string, unknown>>;
  return Object.entries(pattern as object).every(([key, part]) => matches(part, members[key]));
}

function fits(wanted: unknown, given: unknown): boolean {
  if (typeof wanted !== "object" || wanted === null) return wanted === given;
  const { prefix, ...others } = wanted as { readonly prefix?: string };
  if (prefix === undefined || Object.keys(others).length > 0) {
    throw new Error(`the filter ${JSON.stringify(wanted)} is not known here`);
  }
  return typeof given === "string" && given.startsWith(prefix);
}
