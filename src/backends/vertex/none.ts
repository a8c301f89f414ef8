/** Whether a value is absent: JSON writes null for it, and Google's client leaves it out or not. */
export function isNone(value: unknown): value is null | undefined {
  return value === null || value === undefined;
}
