/** A compute shader and what it must be given: buffers by their part in it, in binding order. */
export interface Shader {
  /** Says every parameter that it was made with; for error messages and profiles. */
  readonly name: string;
  readonly code: string;
  readonly bindings: readonly Binding[];
}

/** Workgroups in x, y, z. */
export type Grid = readonly [x: number, y: number, z: number];

export type Access = 'uniform' | 'read' | 'read_write';

export interface Binding {
  /** Name of the buffer's part, and of the WGSL variable. */
  readonly name: string;
  readonly access: Access;
  readonly type: string;
}

export interface ShaderParts {
  readonly name: string;
  readonly enables?: readonly string[] | undefined;
  readonly bindings: readonly Binding[];
  /** Structures, helpers, workgroup variables. */
  readonly declarations?: string | undefined;
  readonly workgroupSize: number;
  /** Builtins besides `group` and `local`. */
  readonly builtins?: readonly string[] | undefined;
  readonly body: string;
}

/** `group` is the workgroup's id, `local` the invocation's index in it. */
export function shader(parts: ShaderParts): Shader {
  const { name, enables = [], bindings, declarations = '', workgroupSize, builtins = [], body } = parts;
  const variables = bindings.map(({ name: variable, access, type }, i) => {
    const space = access === 'uniform' ? 'uniform' : `storage, ${access}`;
    return `@group(0) @binding(${i}) var<${space}> ${variable}: ${type};`;
  });
  const inputs = [
    '@builtin(workgroup_id) group: vec3<u32>',
    '@builtin(local_invocation_index) local: u32',
    ...builtins,
  ];
  const code = [
    ...enables.map(enable => `enable ${enable};`),
    ...variables,
    declarations,
    `@compute @workgroup_size(${workgroupSize})`,
    `fn main(${inputs.join(', ')}) {`,
    body,
    '}',
  ].join('\n');
  return { name, code, bindings };
}

/** Lines for 0 … count − 1: loops over registers must be written out, as WGSL indexes arrays in memory. */
export function unroll(count: number, line: (i: number) => string): string {
  return Array.from({ length: count }, (_, i) => line(i)).join('\n');
}

/** Joined by `separator`, and `empty` where there are none. */
export function list(count: number, item: (i: number) => string, separator: string): string {
  return Array.from({ length: count }, (_, i) => item(i)).join(separator);
}
