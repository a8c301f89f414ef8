import { readFileSync } from "node:fs";
import { afterAll, expect } from "vitest";
import { claimedBy } from "./coverage.ts";

/**
 * One way in which Sluice differs from Prefect on purpose. The list is `differences.json`, by vector
 * file; `docs/compatibility.md` is made from it.
 */
export interface Difference {
  readonly id: string;
  /** Why, for users. */
  readonly reason: string;
  /** Names of vectors it concerns (each must really differ), or `*`: wherever it shows (at least once). */
  readonly vectors: readonly string[] | "*";
  /**
   * Where: JSON paths of what is compared, `$` for the whole, with `*` for one step and `**` for any
   * number of them, such as `$.create.Env.**`.
   */
  readonly paths: readonly string[];
}

/** One place where two values are not the same. */
export interface Deviation {
  readonly path: string;
  readonly expected: unknown;
  readonly actual: unknown;
}

type Differences = Readonly<Record<string, readonly Difference[]>>;

const file = new URL("./differences.json", import.meta.url);

/** The listed differences of a vector file. */
export function differencesOf(vectorFile: string): readonly Difference[] {
  return (JSON.parse(readFileSync(file, "utf8")) as Differences)[vectorFile] ?? [];
}

/** Reads the vectors of a file that `wanted` accepts. */
export function readVectors<V>(
  vectorFile: string,
  wanted: (vector: V) => boolean = () => true,
): V[] {
  const path = new URL(`../vectors/${vectorFile}.json`, import.meta.url);
  return (JSON.parse(readFileSync(path, "utf8")) as { vectors: V[] }).vectors.filter(wanted);
}

/**
 * Compares the vectors of one file with what Sluice makes of them. A deviation that is not listed fails
 * its test, and so does a listed one that no longer shows, or a vector of `CLAIMS` that was not compared.
 *
 * Call it once per test file; `ids` limits the list to the differences this test file answers for.
 */
export function comparison(vectorFile: string, ids?: (id: string) => boolean) {
  const listed = differencesOf(vectorFile).filter(({ id }) => ids?.(id) ?? true);
  const seen = new Map<string, Set<string>>(listed.map(({ id }) => [id, new Set()]));
  const compared = new Set<string>();
  afterAll(() => {
    const due = claimedBy(expect.getState().testPath ?? "", vectorFile);
    const missed = due.filter((name) => !compared.has(name));
    expect(missed, `vectors of ${vectorFile} that nothing was compared with`).toEqual([]);
    for (const { id, vectors } of listed) {
      const names = seen.get(id) ?? new Set();
      const stale =
        vectors === "*" ? names.size === 0 && ["*"] : vectors.filter((n) => !names.has(n));
      expect(stale === false ? [] : stale, `stale difference ${id} of ${vectorFile}`).toEqual([]);
    }
  });
  return {
    /** Fails unless the two agree but for listed differences. */
    compare(name: string, expected: unknown, actual: unknown): void {
      compared.add(name);
      const unlisted = deviations(expected, actual).filter((deviation) => {
        const hits = listed.filter((difference) => covers(difference, name, deviation.path));
        for (const { id } of hits) seen.get(id)?.add(name);
        return hits.length === 0;
      });
      expect(unlisted).toEqual([]);
    },
  };
}

/** Every place where two JSON values differ: lists in order, objects without order. */
export function deviations(expected: unknown, actual: unknown, path = "$"): Deviation[] {
  if (Array.isArray(expected) && Array.isArray(actual)) {
    const length = Math.max(expected.length, actual.length);
    return Array.from({ length }, (_, index) =>
      deviations(expected[index], actual[index], `${path}.${index}`),
    ).flat();
  }
  if (isObject(expected) && isObject(actual)) {
    const keys = [...new Set([...Object.keys(expected), ...Object.keys(actual)])];
    return keys.flatMap((key) => deviations(expected[key], actual[key], `${path}.${key}`));
  }
  return Object.is(expected, actual) ? [] : [{ path, expected, actual }];
}

/** A list of `{name, value}` as a map, for comparing without order; later entries win. */
export function environmentMap(list: unknown): Record<string, unknown> {
  const entries = Array.isArray(list) ? (list as { name: string }[]) : [];
  return Object.fromEntries(
    entries.map(({ name, ...rest }) => [name, "value" in rest ? rest.value : rest]),
  );
}

function covers({ vectors, paths }: Difference, name: string, path: string): boolean {
  if (vectors !== "*" && !vectors.includes(name)) return false;
  return paths.some((pattern) => toExpression(pattern).test(path));
}

function toExpression(pattern: string): RegExp {
  const source = pattern
    .split(".")
    .map((step) => {
      if (step === "**") return ".*";
      return step.replace(/[$^\\()[\]{}+?|]/g, "\\$&").replaceAll("*", "[^.]*");
    })
    .join("\\.")
    .replaceAll("\\..*", "(\\..*)?");
  return new RegExp(`^${source}$`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
