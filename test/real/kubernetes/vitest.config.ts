import { defineConfig } from "vitest/config";

/** Run by `npm run test:kubernetes`; a missing cluster fails the run, it is never skipped. */
export default defineConfig({
  test: {
    name: "kubernetes",
    include: ["test/real/kubernetes/**/*.test.ts"],
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
});
