/**
 * A number or truth value as the text Python writes for it: `2`, `0.5`, `1e-05`, `True`. A whole float
 * such as `2.0` cannot be told from `2` in JavaScript and becomes `2`.
 */
export function pythonText(value: number | boolean): string {
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Number.isInteger(value) || Math.abs(value) >= 1e-4) return String(value);
  // Python writes small numbers with an exponent of two digits, and does so earlier.
  return value.toExponential().replace(/e-(\d)$/, "e-0$1");
}
