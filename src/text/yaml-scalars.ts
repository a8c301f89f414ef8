import type { ScalarTag } from "yaml";

/**
 * What plain text stands for in PyYAML's reading of YAML 1.1, which is narrower than the standard: `y` and
 * `08` are text, and an exponent needs both a point and a sign.
 */
export const YAML_11_SCALARS: readonly ScalarTag[] = [
  scalar("null", /^(?:~|null|Null|NULL|)$/, () => null),
  scalar("bool", /^(?:yes|Yes|YES|true|True|TRUE|on|On|ON)$/, () => true),
  scalar("bool", /^(?:no|No|NO|false|False|FALSE|off|Off|OFF)$/, () => false),
  scalar("int", /^[-+]?0b[01_]*[01][01_]*$/, (text) => integer(text, 2)),
  scalar("int", /^[-+]?0[0-7_]+$/, (text) => integer(text, 8)),
  scalar("int", /^[-+]?(?:0|[1-9][0-9_]*)$/, (text) => integer(text, 10)),
  scalar("int", /^[-+]?0x_*[0-9a-fA-F][0-9a-fA-F_]*$/, (text) => integer(text, 16)),
  scalar("int", /^[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+$/, sexagesimal),
  scalar("float", /^[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?$/, float),
  scalar("float", /^\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?$/, float),
  scalar("float", /^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*$/, sexagesimal),
  scalar("float", /^[-+]?\.(?:inf|Inf|INF)$/, () => Number.POSITIVE_INFINITY),
  scalar("float", /^\.(?:nan|NaN|NAN)$/, () => Number.NaN),
];

function scalar(
  type: string,
  test: RegExp,
  resolve: (text: string) => number | boolean | null,
): ScalarTag {
  return { tag: `tag:yaml.org,2002:${type}`, default: true, test, resolve };
}

/** Minus zero is zero, as among Python's integers. */
function integer(text: string, radix: number): number {
  const digits = bare(text).replace(/^0[bx]?(?=.)/, "");
  return sign(text) * Number.parseInt(digits, radix) + 0;
}

function float(text: string): number {
  return sign(text) * Number.parseFloat(bare(text));
}

/** Parts of sixty, as in `1:30`. */
function sexagesimal(text: string): number {
  const parts = bare(text).split(":").map(Number);
  return sign(text) * parts.reduce((sum, part) => sum * 60 + part, 0);
}

function bare(text: string): string {
  return text.replace(/^[-+]|_/g, "");
}

function sign(text: string): 1 | -1 {
  return text.startsWith("-") ? -1 : 1;
}
