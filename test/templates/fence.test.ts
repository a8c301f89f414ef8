import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { templateAddress } from "../../src/templates/address.ts";
import { isFenced } from "../../src/templates/fence.ts";

const fenced = (uri: string, ...entries: string[]) =>
  isFenced(templateAddress(uri, "/srv"), entries);

describe("the fence around templates", () => {
  it.each([
    ["s3://bucket/prefix/", "s3://bucket/prefix/t.yaml"],
    ["s3://bucket/prefix", "s3://bucket/prefix/a/t.yaml"],
    ["s3://bucket/prefix", "s3://bucket/prefix"],
    ["s3://bucket", "s3://bucket/anything"],
    ["s3://bucket/", "s3://bucket//anything"],
    ["gs://b/p/", "gcs://b/p/t"],
    ["agent:///etc/sluice/", "/etc/sluice/t.yaml"],
    ["agent:///etc/sluice/", "file:///etc/sluice/t.yaml"],
    ["agent:///etc/sluice/", "local://any/etc/./sluice/t.yaml"],
    ["agent:///etc/sluice/t.yaml", "agent:///etc/sluice/t.yaml"],
    ["agent:///srv", "t.yaml"],
    ["agent:///", "/anything"],
    ["https://Host/", "https://host/a/b?x=1"],
    ["https://host:443/a", "https://host/a/b"],
    ["http://host:8080", "http://host:8080/t"],
  ])("%s lets %s in", (entry, uri) => {
    expect(fenced(uri, entry)).toBe(true);
    expect(fenced(uri, "s3://other/", entry)).toBe(true);
  });

  it.each([
    ["s3://bucket/prefix/", "s3://bucket/prefix-evil/t.yaml"],
    ["s3://bucket/prefix", "s3://bucket/prefixed"],
    ["s3://bucket/prefix/", "s3://bucket/prefix/../t.yaml"],
    ["s3://bucket/prefix/", "s3://bucket/prefix/./t.yaml"],
    ["s3://bucket/prefix/", "s3://Bucket/prefix/t.yaml"],
    ["s3://bucket", "s3://bucket-2/t"],
    ["s3://bucket/", "gcs://bucket/t"],
    ["agent:///etc/sluice/", "/etc/sluice/../passwd"],
    ["agent:///etc/sluice/", "/etc/sluice2/t"],
    ["agent:///etc/sluice/", "../etc/passwd"],
    ["agent:///etc/sluice/", "s3://etc/sluice/t"],
    ["https://host/a/", "https://host/a/../b"],
    ["https://host/a/", "https://host/a/%2e%2e/b"],
    ["https://host/a/", "https://host/a/..%2fb"],
    ["https://host/a/", "https://host/a/..%5Cb"],
    ["https://host/a/", "https://host/a\\..\\b"],
    ["https://host/", "http://host/t"],
    ["https://host/", "https://host:8443/t"],
    ["https://host/", "https://host.evil/t"],
    ["https://host", "https://hostevil/t"],
  ])("%s keeps %s out", (entry, uri) => {
    expect(fenced(uri, entry)).toBe(false);
  });

  it.each([
    "",
    "/etc/",
    "file:///etc/",
    "local:///etc/",
    "agent://etc",
    "s3:",
    "s3://",
    "ftp://x/",
    "*",
  ])("the entry %j names nothing", (entry) => {
    for (const uri of ["/etc/t", "file:///etc/t", "s3://etc/t", "https://etc/t", "t"]) {
      expect(fenced(uri, entry)).toBe(false);
    }
  });

  it("without entries keeps everything out", () => {
    expect(fenced("/etc/t")).toBe(false);
    expect(fenced("https://host/t")).toBe(false);
  });

  it("is never left by what is written behind an entry of the machine", () => {
    const part = fc.constantFrom("..", ".", "", "a", "b;c", "%2e%2e", "...");
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        const address = templateAddress(`/etc/sluice/${parts.join("/")}`, "/srv");
        const inside = address.path === "/etc/sluice" || address.path.startsWith("/etc/sluice/");
        expect(isFenced(address, ["agent:///etc/sluice/"])).toBe(inside);
      }),
    );
  });
});
