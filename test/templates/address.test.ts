import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PermanentError } from "../../src/errors.ts";
import { splitAddress, templateAddress } from "../../src/templates/address.ts";

const at = (uri: string) => templateAddress(uri, "/srv/agent");

describe("the address of a template", () => {
  it.each([
    ["/etc/t.yaml", "file", "/etc/t.yaml"],
    ["t.yaml", "file", "/srv/agent/t.yaml"],
    ["../x/./t.yaml", "file", "/srv/x/t.yaml"],
    ["../../../../t.yaml", "file", "/t.yaml"],
    ["/etc//a/../t.yaml/", "file", "/etc/t.yaml"],
    ["", "file", "/srv/agent"],
    ["file:///etc/t.yaml", "file", "/etc/t.yaml"],
    ["FILE://host/etc/t.yaml", "file", "/etc/t.yaml"],
    ["local://host/t.yaml", "file", "/t.yaml"],
    ["agent://a/b", "agent", "/b"],
    ["agent:t.yaml", "agent", "/srv/agent/t.yaml"],
    ["/etc/t.yaml?x#y", "file", "/etc/t.yaml"],
  ])("%j is of the machine, with scheme %s and path %s", (uri, scheme, path) => {
    expect(at(uri)).toEqual({ family: "agent", scheme, host: "", path, query: "", shown: path });
  });

  it.each([
    ["s3://Bucket/k/ey.yaml", "s3", "Bucket", "/k/ey.yaml"],
    ["s3://bucket///k//e", "s3", "bucket", "/k//e"],
    ["S3://bucket", "s3", "bucket", "/"],
    ["gs://b/k?x=1", "gcs", "b", "/k"],
    ["gcs://b/k;v=1", "gcs", "b", "/k;v=1"],
  ])("%s is an object in %s, bucket %s, at %s", (uri, family, host, path) => {
    expect(at(uri)).toEqual({
      family,
      scheme: family,
      host,
      path,
      query: "",
      shown: `${family}://${host}${path}`,
    });
  });

  it("on the web is what a browser makes of it, and shown without its query", () => {
    expect(at("HTTPS://Host.example:443/a/%2E%2e/b c;d?token=secret#f")).toEqual({
      family: "https",
      scheme: "https",
      host: "host.example",
      path: "/b%20c;d",
      query: "?token=secret",
      shown: "https://host.example/b%20c;d",
    });
    expect(at("http://127.0.0.1:8080")).toMatchObject({
      scheme: "http",
      host: "127.0.0.1:8080",
      path: "/",
    });
  });

  it.each(["ftp://host/t", "constructor:x", "C:\\t.yaml", "data:text/plain,x"])(
    "%s is refused for its scheme",
    (uri) => {
      expect(() => at(uri)).toThrow(
        /has the scheme \w+; expected a path or one of file, agent, s3/,
      );
    },
  );

  it("is refused with credentials in it, which are not repeated", () => {
    for (const uri of ["https://user:hunter2@host/t", "https://hunter2@host/t"]) {
      expect(() => at(uri)).toThrow(/it holds credentials$/);
      expect(() => at(uri)).not.toThrow(/hunter2/);
    }
    expect(() => at("https://[hunter2/t")).toThrow(/not of the form https:\/\/host\/path$/);
  });

  it("is taken apart or refused, whatever it is, and a machine's path has no dots left", () => {
    const uri = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.webUrl({ withQueryParameters: true, withFragments: true }),
      fc
        .array(fc.constantFrom("..", ".", "/", "a", ":", "agent", "//", "?", "#", ";", "\0"))
        .map((parts) => parts.join("")),
    );
    fc.assert(
      fc.property(uri, (text) => {
        try {
          const address = at(text);
          if (address.family === "agent") {
            expect(address.path).toMatch(/^\/(?!.*\/\/)/s);
            expect(address.path.split("/")).not.toContain("..");
          }
        } catch (error) {
          expect(error).toBeInstanceOf(PermanentError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe("taking an address apart", () => {
  it.each([
    ["a:b", { scheme: "a", host: "", path: "b" }],
    ["1a:b", { scheme: "file", host: "", path: "1a:b" }],
    [":b", { scheme: "file", host: "", path: ":b" }],
    ["//host/p", { scheme: "file", host: "host", path: "/p" }],
    ["local:", { scheme: "file", host: "", path: "" }],
    ["a;b/c;d?e", { scheme: "file", host: "", path: "a;b/c" }],
    ["file:///a;b", { scheme: "file", host: "", path: "/a;b" }],
    ["https://h/a;b/c;d", { scheme: "https", host: "h", path: "/a;b/c" }],
    ["s3://b#x", { scheme: "s3", host: "b", path: "" }],
    ["s3://b?x/y", { scheme: "s3", host: "b", path: "" }],
    ["/a\nb", { scheme: "file", host: "", path: "/a\nb" }],
  ])("%j is %j", (uri, expected) => {
    expect(splitAddress(uri)).toEqual(expected);
  });
});
