import type { DeviceTraits } from '../traits.ts';

/** Side of the square products that kernels here are made of: f16 · f16 added up in f32. */
export const MATRIX = 16;
/** Lanes of the subgroups that have such matrices (NVIDIA's warps). */
export const MATRIX_LANES = 32;

/** WGSL features and names that `MATRIX_TYPES` needs. */
export const MATRIX_ENABLES = ['f16', 'subgroups', 'chromium_experimental_subgroup_matrix'];

/** WGSL's parameters are columns first. */
export const MATRIX_TYPES = `
alias Left = subgroup_matrix_left<f16, ${MATRIX}, ${MATRIX}>;
alias Right = subgroup_matrix_right<f16, ${MATRIX}, ${MATRIX}>;
alias Sums = subgroup_matrix_result<f32, ${MATRIX}, ${MATRIX}>;`;

/**
 * 16-byte units from one row to the next of a tile in workgroup memory whose rows are `elements` f16 long. One unit
 * more than they take, so that neighbouring rows begin in different banks; less would break the alignment that
 * Vulkan asks of matrix loads.
 */
export function stagedStride(elements: number): number {
  return elements / 8 + 1;
}

/** Whether a device multiplies such matrices. */
export function hasMatrixUnit({ shaderF16, subgroupSize, subgroupMatrices }: DeviceTraits): boolean {
  const fits = subgroupMatrices.some(
    ({ m, n, k, component, result }) =>
      m === MATRIX && n === MATRIX && k === MATRIX && component === 'f16' && result === 'f32',
  );
  return shaderF16 && subgroupSize === MATRIX_LANES && fits;
}
