/** GPUBufferUsage, GPUMapMode and GPUShaderStage of the WebGPU specification: outside a browser they are not global. */
export const USAGE = {
  mapRead: 0x0001,
  copySrc: 0x0004,
  copyDst: 0x0008,
  uniform: 0x0040,
  storage: 0x0080,
  queryResolve: 0x0200,
} as const;

export const MAP_READ = 0x0001;
export const COMPUTE_STAGE = 0x0004;
