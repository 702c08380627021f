import { defineConfig } from "vitest/config";

const inCi = process.env["CI"] === "true";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // CI says at the end how many tests ran.
    reporters: inCi ? ["default", "json"] : ["default"],
    outputFile: { json: "coverage/tests.json" },
    coverage: {
      enabled: inCi,
      provider: "v8",
      include: ["src/**/*.ts"],
      // They run in processes of their own, which tests start.
      exclude: ["src/main.ts", "src/action/main.ts", "src/startup/**"],
      thresholds: { statements: 90 },
      reporter: ["text-summary"],
      reportsDirectory: "coverage/report",
    },
  },
});
