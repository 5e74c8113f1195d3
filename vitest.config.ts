import { defineConfig } from 'vitest/config';
import { SummaryReporter } from './test/support/summary-reporter.ts';

/** Tests of code that keeps nothing between calls: they share what it has loaded. */
const pure = [
  'backends/{model,reference,sampling}',
  'client',
  'core',
  'sim',
  'trace',
  'validation',
  'viz',
].map(folder => `test/${folder}/**/*.test.ts`);

export default defineConfig({
  test: {
    projects: [
      { extends: true, test: { name: 'pure', include: pure, isolate: false } },
      { extends: true, test: { name: 'apart', include: ['test/**/*.test.ts'], exclude: pure } },
    ],
    setupFiles: ['test/support/setup.ts'],
    testTimeout: 180_000,
    pool: 'forks',
    maxWorkers: 2,
    reporters: ['default', new SummaryReporter()],
  },
});
