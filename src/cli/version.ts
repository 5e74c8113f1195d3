import { createRequire } from 'node:module';

/** Version of the package, as its manifest has it, wherever the build lies below it. */
export const version: string = createRequire(import.meta.url)('quire/package.json').version;
