import { expect, test } from "vitest";
import { placeBesideFunctions } from "../src/place.ts";
import { CLOUD } from "../src/run.ts";
import { testAgent } from "./fakes/app.ts";

test.each(["local", "docker"])(
  "an agent of backend %s works on a machine of its own",
  (backend) => {
    expect(placeBesideFunctions(testAgent({ name: "lab", backend }))).toBe("lab");
  },
);

test.each(["ecs", "vertex", "kubernetes"])(
  "functions work for an agent of backend %s",
  (backend) => {
    expect(placeBesideFunctions(testAgent({ name: "prod", backend }))).toBe(CLOUD);
  },
);

test.each(["ecs", "docker"])("an agent of backend %s marked remote works elsewhere", (backend) => {
  expect(placeBesideFunctions(testAgent({ name: "far", backend, remote: true }))).toBe("far");
});
