import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { TemplateSource } from "../../src/template.ts";
import { readTemplateOnThisMachine } from "../../src/templates/machine.ts";
import { testAgent } from "../contracts/request.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "templates-"));
  await mkdir(join(root, "in"));
  await mkdir(join(root, "out"));
  await writeFile(join(root, "in/t.yaml"), "name: inside\n");
  await writeFile(join(root, "out/t.yaml"), "name: outside\n");
});
afterEach(() => rm(root, { recursive: true }));

const read = (
  uri: string,
  source: TemplateSource = "message",
  templates = [`agent://${root}/in/`],
) => readTemplateOnThisMachine({ cwd: root })(uri, testAgent({ templates }), source);

describe("a template in a file", () => {
  it.each([
    ["a path", () => join(root, "in/t.yaml")],
    ["a relative path", () => "in/t.yaml"],
    ["a roundabout path", () => "out/../in/./t.yaml"],
    ["file://", () => `file://${root}/in/t.yaml`],
    ["local://", () => `local://${root}/in/t.yaml`],
    ["agent://", () => `agent://${root}/in/t.yaml`],
  ])("is read by %s", async (_, uri) => {
    expect(await read(uri())).toEqual({ name: "inside" });
  });

  it("is found for the agent wherever it is", async () => {
    expect(await read("out/t.yaml", "agent", [])).toEqual({ name: "outside" });
  });

  it("may be named by an entry of its own", async () => {
    expect(await read("out/t.yaml", "message", [`agent://${root}/out/t.yaml`])).toEqual({
      name: "outside",
    });
  });

  it.each([
    ["a path", "out/t.yaml"],
    ["dots", "in/../out/t.yaml"],
    ["a link to a file", "in/link.yaml"],
    ["a link to a folder", "in/folder/t.yaml"],
    ["a link out and back by dots", "in/folder/../out/t.yaml"],
  ])("outside is not reached from a message by %s", async (_, uri) => {
    await symlink(join(root, "out/t.yaml"), join(root, "in/link.yaml"));
    await symlink(join(root, "out"), join(root, "in/folder"));
    const attempt = read(uri);
    if (uri === "in/folder/../out/t.yaml") {
      // Dots are taken literally, so this is in/out/t.yaml, which does not exist.
      await expect(attempt).rejects.toMatchObject({ code: "template" });
    } else {
      await expect(attempt).rejects.toMatchObject({ code: "forbidden" });
    }
  });

  it("is told nothing of by an error for a place outside", async () => {
    await symlink(join(root, "out/missing.yaml"), join(root, "in/dangling.yaml"));
    const [there, missing] = await Promise.all(
      ["out/t.yaml", "out/none.yaml"].map((uri) => read(uri).catch((error: Error) => error)),
    );
    expect(there).toMatchObject({ code: "forbidden" });
    expect(missing).toMatchObject({ code: "forbidden" });
  });

  it("is reached by a link that stays inside, and by entries that are links", async () => {
    await symlink("t.yaml", join(root, "in/link.yaml"));
    await symlink(join(root, "in"), join(root, "entry"));
    expect(await read("in/link.yaml")).toEqual({ name: "inside" });
    expect(await read("entry/t.yaml", "message", [`agent://${root}/entry/`])).toEqual({
      name: "inside",
    });
  });

  it("is not let in by an entry that does not exist", async () => {
    await symlink(join(root, "out"), join(root, "later"));
    const templates = [`agent://${root}/later/../none/`, `agent://${root}/later/`];
    await rm(join(root, "later"));
    await expect(read("later/t.yaml", "message", templates)).rejects.toMatchObject({
      code: "template",
    });
    await symlink(join(root, "out"), join(root, "in/way"));
    await expect(
      read("in/way/t.yaml", "message", [...templates, `agent://${root}/in/`]),
    ).rejects.toMatchObject({ code: "forbidden" });
  });

  it.each([
    ["nothing", "none.yaml", /ENOENT/],
    ["a folder", "in", /is not a regular file/],
    ["below a file", "in/t.yaml/x", /ENOTDIR/],
    ["a link to itself", "loop", /ELOOP/],
    ["a name that is too long", "x".repeat(5000), /ENAMETOOLONG/],
    ["a null character", "in\0/t.yaml", /null bytes/],
  ])("that is %s is refused for good", async (_, uri, reason) => {
    await symlink("loop", join(root, "loop"));
    await expect(read(uri, "agent")).rejects.toMatchObject({
      code: "template",
      message: expect.stringMatching(reason),
    });
  });

  it("that is a pipe or a device is refused at once", async () => {
    await promisify(execFile)("mkfifo", [join(root, "pipe")]);
    await expect(read("pipe", "agent")).rejects.toThrow(/is not a regular file/);
    await expect(read("/dev/zero", "agent")).rejects.toThrow(/is not a regular file/);
  });

  it("larger than a mebibyte is refused", async () => {
    await writeFile(join(root, "in/large.yaml"), `# ${"x".repeat(1_048_576)}`);
    await expect(read("in/large.yaml")).rejects.toThrow(/is larger than 1048576 bytes/);
  });
});
