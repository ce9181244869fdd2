import { defineConfig } from 'vitest/config';

// CI reads the counts from a file (.ci/run).
const reporters = process.env.CI
  ? ['default', ['json', { outputFile: 'test-results.json' }] as const]
  : ['default'];

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/cli/build.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: reporters as string[],
  },
});
