import { defineConfig } from 'vitest/config';
import { SummaryReporter } from './test/support/summary-reporter.ts';

/** Tests that hold a GPU or replace a module of Node: each file has a process of its own. */
const apart = [
  'test/backends/webgpu/*.test.ts',
  'test/engine/*.test.ts',
  'test/engine/structured/{webgpu,worker-engine}.test.ts',
  'test/cli/{data-folder,probe}.test.ts',
];

export default defineConfig({
  test: {
    projects: [
      { extends: true, test: { name: 'apart', include: apart } },
      // The others share a process, and what it has loaded: 0.2 s to 1 s of a core for each file.
      {
        extends: true,
        test: { name: 'shared', include: ['test/**/*.test.ts'], exclude: apart, isolate: false },
      },
    ],
    setupFiles: ['test/support/setup.ts'],
    testTimeout: 180_000,
    pool: 'forks',
    maxWorkers: 2,
    reporters: ['default', new SummaryReporter()],
  },
});
