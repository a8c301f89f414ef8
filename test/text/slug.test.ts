import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  DOCKER_NAME,
  ECS_FAMILY,
  KUBERNETES_NAME,
  slug,
  VERTEX_NAME,
} from "../../src/text/slug.ts";

describe("a slug", () => {
  it.each([
    ["Nightly Load", "nightly-load"],
    ["日本語", "ri-ben-yu"],
    ["'quoted'  and -- dashed", "quoted-and-dashed"],
    ["1,234,567 rows,8 or a,b", "1234567-rows-8-or-a-b"],
    ["caf&eacute; &sup2;", "cafe-2"],
    ["&#65;&#x42;C", "abc"],
    ["&#65;&#1114112;&#x42;", "65-1114112-b"],
    ["&#65;&#x110000;", "a-x110000"],
    ["&nothing;", "nothing"],
    ["ＡＢ &real;x", "ab-rx"],
    ["🚀", ""],
    ["\u0080\u009f", ""],
    ["a\ua500b", "a-b"],
    ["", ""],
  ])("of %j is %j", (text, expected) => {
    expect(slug(text, ECS_FAMILY)).toBe(expected);
  });

  it("keeps case, dots and underscores for a container", () => {
    expect(slug("My_Run v1.2!", DOCKER_NAME)).toBe("My_Run-v1.2");
  });

  it("is cut between words, or within a word where nothing else fits", () => {
    const rules = { maxLength: 10, wordBoundary: true };
    expect(slug("one two three", rules)).toBe("one-two");
    expect(slug("one two to three", rules)).toBe("one-two-to");
    expect(slug("onetwothreefour", rules)).toBe("onetwothre");
    expect(slug("onetwothreefour five", rules)).toBe("onetwothre");
  });

  it("is cut anywhere without a word boundary, but ends with no dash", () => {
    expect(slug("one two three", { maxLength: 10 })).toBe("one-two-th");
    expect(slug("one two three", { maxLength: 8 })).toBe("one-two");
  });

  it.each([
    ["family", ECS_FAMILY, /^(?:[a-z0-9]+(?:-[a-z0-9]+)*)?$/],
    ["display name", VERTEX_NAME, /^(?:[a-z0-9]+(?:-[a-z0-9]+)*)?$/],
    ["Kubernetes name", KUBERNETES_NAME, /^(?:[a-z0-9]+(?:-[a-z0-9]+)*)?$/],
    ["container name", DOCKER_NAME, /^(?:[a-zA-Z0-9_.]+(?:-[a-zA-Z0-9_.]+)*)?$/],
  ])("of any text is a valid %s, and its own slug", (_, rules, valid) => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 400 }), (text) => {
        const made = slug(text, rules);
        expect(made).toMatch(valid);
        expect(made.length).toBeLessThanOrEqual(rules.maxLength);
        expect(slug(made, rules)).toBe(made);
      }),
    );
  });
});
