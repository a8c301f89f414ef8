import { describe, expect, it } from "vitest";
import type { TemplateSource } from "../../src/template.ts";
import {
  type FamilyReader,
  MAX_TEMPLATE_BYTES,
  templateReader,
} from "../../src/templates/reader.ts";
import { testAgent } from "../contracts/request.ts";

/** A bucket with these objects. */
function bucket(objects: Readonly<Record<string, string | Uint8Array>>): FamilyReader {
  return {
    read: async ({ address }) => {
      const object = objects[address.path] ?? "";
      return typeof object === "string" ? new TextEncoder().encode(object) : object;
    },
  };
}

const readers = {
  s3: bucket({
    "/p/t.yaml": "cpu: 0x400\nprivileged: off\n",
    "/p/bad.yaml": "a: 1\nb: [secret\n",
    "/p/latin.yaml": new Uint8Array([0x61, 0x3a, 0x20, 0xe9]),
    "/p/bom.yaml": "\ufeffa: 1",
    "/p/full.yaml": `# ${"x".repeat(MAX_TEMPLATE_BYTES - 2)}`,
    "/p/large.yaml": `# ${"x".repeat(MAX_TEMPLATE_BYTES - 1)}`,
  }),
};
const agent = testAgent({ name: "prod", templates: ["s3://bucket/p/"] });
const read = (uri: string, source: TemplateSource = "message") =>
  templateReader({ readers, cwd: "/srv" })(uri, agent, source);

describe("a template", () => {
  it("is read as YAML 1.1", async () => {
    expect(await read("s3://bucket/p/t.yaml")).toEqual({ cpu: 1024, privileged: false });
    expect(await read("s3://bucket/p/none.yaml")).toBeNull();
    expect(await read("s3://bucket/p/bom.yaml")).toEqual({ a: 1 });
  });

  it("outside the fence is the agent's to name, not a message's", async () => {
    expect(await read("s3://other/p/t.yaml", "agent")).toEqual({ cpu: 1024, privileged: false });
    await expect(read("s3://other/p/t.yaml")).rejects.toMatchObject({
      code: "forbidden",
      message: expect.stringContaining(
        "template s3://other/p/t.yaml is named by a message and lies below none of the templates of agent prod; add an entry for it there",
      ),
    });
    await expect(read("/etc/passwd")).rejects.toThrow("add an agent:// entry for it");
  });

  it.each([
    ["bad.yaml", /^template s3:\/\/bucket\/p\/bad\.yaml is not valid YAML at line 3, column 1: /],
    ["latin.yaml", /^template s3:\/\/bucket\/p\/latin\.yaml is not text in UTF-8$/],
    ["large.yaml", /^template s3:\/\/bucket\/p\/large\.yaml is larger than 1048576 bytes$/],
  ])("%s is refused by name", async (name, message) => {
    await expect(read(`s3://bucket/p/${name}`)).rejects.toMatchObject({
      code: "template",
      message: expect.stringMatching(message),
    });
  });

  it("may be as large as a mebibyte", async () => {
    expect(await read("s3://bucket/p/full.yaml")).toBeNull();
  });

  it("of a scheme nobody reads here, or at all, is refused", async () => {
    await expect(read("gs://bucket/t", "agent")).rejects.toMatchObject({
      code: "template",
      message: "template gcs://bucket/t cannot be read here, where only s3 are read",
    });
    await expect(read("ftp://bucket/t", "agent")).rejects.toMatchObject({ code: "template" });
  });

  it("that cannot be had just now is tried again", async () => {
    const broken: FamilyReader = { read: () => Promise.reject(new Error("socket hang up")) };
    const again = templateReader({ readers: { s3: broken }, cwd: "/" });
    await expect(again("s3://bucket/p/t", agent, "message")).rejects.not.toHaveProperty("code");
  });
});
