import { defineConfig } from "vitest/config";

const thresholds = {
  "src/{*,dispatch/*}.ts": { lines: 100, functions: 100, branches: 100, statements: 100 },
  lines: 90,
  functions: 90,
  branches: 90,
  statements: 90,
};

/** What functions write would fill the output of the tests. */
const silent = { POWERTOOLS_LOG_LEVEL: "SILENT", POWERTOOLS_METRICS_DISABLED: "true" };

/**
 * `default` needs nothing but Node. Every other project needs a real component and is run by its own
 * script (`npm run test:docker`, …); there a missing component fails the run, it is never skipped.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "default",
          include: ["test/**/*.test.ts"],
          exclude: ["test/real/**"],
          testTimeout: 20_000,
          env: silent,
        },
      },
      {
        test: { name: "docker", include: ["test/real/docker/**/*.test.ts"], testTimeout: 60_000 },
      },
      {
        test: {
          name: "kubernetes",
          include: ["test/real/kubernetes/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: "aws",
          include: ["test/real/aws/**/*.test.ts", "test/real/aws-shape/**/*.test.ts"],
          globalSetup: ["test/real/aws/setup.ts"],
          testTimeout: 60_000,
          env: silent,
        },
      },
    ],
    coverage: {
      provider: "v8",
      reporter: ["text-summary", "html"],
      include: ["src/**/*.ts", "functions/**/*.ts"],
      // Only all suites together, as CI merges them, reach what is asked for.
      ...(process.argv.some((word) => word.startsWith("--merge-reports")) ? { thresholds } : {}),
    },
  },
});
