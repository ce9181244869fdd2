import { defineConfig } from 'vitest/config';

// CI reads the counts from a file (.ci/run).
const reporters = process.env.CI
  ? ['default', ['json', { outputFile: 'test-results.json' }] as const]
  : ['default'];

export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: reporters as string[],
    projects: [
      { extends: true, test: { name: 'rooms', include: ['test/**/*.test.ts'], exclude: ['test/cli/**'] } },
      // These run the built program; no other test needs it.
      {
        extends: true,
        test: { name: 'cli', include: ['test/cli/**/*.test.ts'], globalSetup: ['test/cli/build.ts'] },
      },
    ],
  },
});
