import type { LinearVariant } from '../../src/backends/webgpu/linear/linear-variant.ts';
import { matrixVariant } from '../../src/backends/webgpu/linear/matrix-variant.ts';

/** Tiles that are measured beside those in use. */
export const SWEEP_VARIANTS: readonly LinearVariant[] = [
  ...([2, 4, 8] as const).flatMap(parts => [
    matrixVariant({ rows: 16, outputs: 64, depth: 64, along: [1, 4] }, 2, { parts }),
    matrixVariant({ rows: 32, outputs: 64, depth: 64, along: [1, 4] }, 17, { parts }),
  ]),
  ...([1, 4] as const).flatMap(parts => [
    matrixVariant({ rows: 16, outputs: 32, depth: 128, along: [1, 2] }, 2, { parts }),
    matrixVariant({ rows: 16, outputs: 64, depth: 128, along: [1, 4] }, 2, { parts }),
    matrixVariant({ rows: 32, outputs: 64, depth: 128, along: [1, 4] }, 17, { parts }),
  ]),
  ...([1, 2, 4] as const).flatMap(parts => [
    matrixVariant({ rows: 64, outputs: 64, depth: 64, along: [1, 4] }, 33, { parts }),
    matrixVariant({ rows: 64, outputs: 64, depth: 64, along: [2, 2] }, 33, { parts }),
    matrixVariant({ rows: 64, outputs: 64, depth: 128, along: [2, 2] }, 33, { parts }),
    matrixVariant({ rows: 64, outputs: 64, depth: 32, along: [2, 2] }, 33, { parts }),
    matrixVariant({ rows: 64, outputs: 32, depth: 128, along: [2, 1] }, 33, { parts }),
    matrixVariant({ rows: 64, outputs: 32, depth: 64, along: [2, 2] }, 33, { parts }),
    matrixVariant({ rows: 64, outputs: 128, depth: 64, along: [2, 2] }, 33, { parts }),
    matrixVariant({ rows: 64, outputs: 128, depth: 64, along: [2, 4] }, 33, { parts }),
    matrixVariant({ rows: 128, outputs: 64, depth: 64, along: [2, 2] }, 65, { parts, maxRows: 512 }),
    matrixVariant({ rows: 128, outputs: 64, depth: 64, along: [4, 1] }, 65, { parts, maxRows: 512 }),
    matrixVariant({ rows: 128, outputs: 32, depth: 64, along: [4, 1] }, 65, { parts, maxRows: 512 }),
  ]),
  matrixVariant({ rows: 128, outputs: 128, depth: 32, along: [2, 2] }, 65),
  matrixVariant({ rows: 128, outputs: 128, depth: 32, along: [2, 4] }, 65),
  matrixVariant({ rows: 128, outputs: 128, depth: 64, along: [2, 4] }, 65),
  matrixVariant({ rows: 128, outputs: 128, depth: 64, along: [1, 4] }, 65),
];
