import fc from 'fast-check';

/**
 * Properties draw from a fixed seed, so that a change is judged and not chance. Look further with
 * `FC_SEED=random npm test`, or repeat a find with `FC_SEED=<seed>`.
 */
const seed = process.env['FC_SEED'] ?? '20260101';
if (seed !== 'random') fc.configureGlobal({ seed: Number(seed) });
