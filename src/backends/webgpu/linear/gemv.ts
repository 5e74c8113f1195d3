import { type Shader, shader, unroll } from '../kernels/shader.ts';
import { STEP_BINDING, STEP_STRUCT } from '../kernels/step-layout.ts';
import { formatOf, UNIT_FUNCTIONS, unpacked } from '../kernels/storage.ts';
import type { DeviceTraits } from '../traits.ts';
import { EPILOGUE_FUNCTIONS, outputBindings, outputsAtOnce, storeRow } from './epilogue.ts';
import type { LinearOp } from './linear-op.ts';
import type { LinearVariant } from './linear-variant.ts';

export interface GemvOptions {
  /** Rows of X that share each load of the weights. */
  readonly rows: number;
  /** Invocations that split the inputs between them; a power of two. With `subgroups`: its lanes. */
  readonly team: number;
  /** Sum over the team by subgroup arithmetic, and not through workgroup memory. */
  readonly subgroups: boolean;
  readonly threads: number;
  /** Units that an invocation loads before it computes, to have more loads in flight. */
  readonly unroll: number;
}

/**
 * Matrix times few vectors: bound by the bandwidth of the weights, which are read once, 16 bytes a load. A team of
 * invocations has a row of W, or as many neighbouring rows as its epilogue needs.
 */
export function gemvShader(op: LinearOp, options: GemvOptions): Shader {
  const { rows, team, subgroups, threads } = options;
  const format = formatOf(op.dtype);
  const units = op.inputs / format.width;
  const atOnce = outputsAtOnce(op);
  const teams = threads / team;
  const sums = rows * atOnce;
  const sum = (m: number, r: number) => `s${m}_${r}`;
  /** Loads of one step first, then its arithmetic. */
  const load = (k: number, unit: string) =>
    [
      ...Array.from({ length: atOnce }, (_, r) => `let w${k}_${r} = weights[from${r} + ${unit}];`),
      ...Array.from({ length: rows }, (_, m) => `let x${k}_${m} = x[x_from + ${m * units}u + ${unit}];`),
    ].join('\n');
  const multiply = (k: number) => {
    const lines: string[] = [];
    for (let part = 0; part < format.parts; part++) {
      for (let r = 0; r < atOnce; r++)
        lines.push(`let v${k}_${r}_${part} = ${unpacked(format, `w${k}_${r}`)[part]};`);
      for (let m = 0; m < rows; m++) {
        lines.push(`let u${k}_${m}_${part} = ${unpacked(format, `x${k}_${m}`)[part]};`);
        for (let r = 0; r < atOnce; r++)
          lines.push(`${sum(m, r)} += dot(v${k}_${r}_${part}, u${k}_${m}_${part});`);
      }
    }
    return lines.join('\n');
  };
  const whole = Math.floor(units / (team * options.unroll));
  const rest = Math.ceil((units - whole * team * options.unroll) / team);
  const main =
    whole === 0
      ? ''
      : `for (var j = 0u; j < ${whole}u; j++) {
    let at = j * ${team * options.unroll}u + lane;
${unroll(options.unroll, k => load(k, `(at + ${k * team}u)`))}
${unroll(options.unroll, multiply)}
  }`;
  const tail = unroll(rest, k => {
    const at = whole * team * options.unroll + k * team;
    const body = `${load(k, `(lane + ${at}u)`)}\n${multiply(k)}`;
    return at + team <= units ? `{ ${body} }` : `if (lane + ${at}u < ${units}u) { ${body} }`;
  });
  const each = (line: (m: number, r: number) => string) => unroll(rows, m => unroll(atOnce, r => line(m, r)));
  const checked = op.outputs % (teams * atOnce) !== 0;
  const store = (m: string, values: readonly string[]) =>
    `if (row + ${m} < step.${op.rows}) { ${storeRow(op, `row + ${m}`, 'output', values, checked)} }`;
  const names = (m: number) => Array.from({ length: atOnce }, (_, r) => sum(m, r));
  const finish = subgroups
    ? `${each((m, r) => `${sum(m, r)} = subgroupAdd(${sum(m, r)});`)}
  if (lane == 0u) {
${unroll(rows, m => store(`${m}u`, names(m)))}
  }`
    : `${each((m, r) => `sums[(mine * ${rows * atOnce}u + ${m * atOnce + r}u) * ${team}u + lane] = ${sum(m, r)};`)}
  workgroupBarrier();
  if (lane < ${rows}u) {
${unroll(atOnce, r => `    var total${r} = 0.0;`)}
    for (var i = 0u; i < ${team}u; i++) {
${unroll(atOnce, r => `      total${r} += sums[(mine * ${rows * atOnce}u + lane * ${atOnce}u + ${r}u) * ${team}u + i];`)}
    }
${store(
  'lane',
  Array.from({ length: atOnce }, (_, r) => `total${r}`),
)}
  }`;
  return shader({
    name: `gemv ${op.name} ${op.dtype} ${op.outputs}x${op.inputs} ${op.epilogue}${op.bias ? ' bias' : ''} rows ${rows} team ${team}${subgroups ? ' subgroups' : ''}`,
    enables: subgroups ? ['subgroups'] : [],
    bindings: [
      STEP_BINDING,
      { name: 'x', access: 'read', type: `array<${format.type}>` },
      { name: 'weights', access: 'read', type: `array<${format.type}>` },
      ...outputBindings(op),
    ],
    declarations: `${STEP_STRUCT}${UNIT_FUNCTIONS}${EPILOGUE_FUNCTIONS}
${subgroups ? '' : `var<workgroup> sums: array<f32, ${sums * threads}>;`}`,
    workgroupSize: threads,
    builtins: subgroups
      ? ['@builtin(subgroup_invocation_id) lane: u32', '@builtin(subgroup_id) mine: u32']
      : [],
    body: `
  ${subgroups ? '' : `let lane = local % ${team}u;\n  let mine = local / ${team}u;`}
  let output = (group.x * ${teams}u + mine) * ${atOnce}u;
${unroll(atOnce, r => `  let from${r} = min(output + ${r}u, ${op.outputs - 1}u) * ${units}u;`)}
  let row = group.y * ${rows}u;
  let x_from = row * ${units}u;
${each((m, r) => `  var ${sum(m, r)} = 0.0;`)}
  ${main}
${tail}
${finish}`,
  });
}

/** @param rows most rows of X that share the weights: 1, 2, 4, 8. */
export function gemvVariant(rows: number, subgroups: boolean): LinearVariant {
  const optionsFor = (traits: DeviceTraits): GemvOptions => {
    const team = subgroups ? traits.subgroupSize! : 32;
    const threads = Math.min(128, traits.maxInvocations);
    return { rows, team, subgroups, threads: Math.max(threads, team), unroll: rows <= 2 ? 4 : 2 };
  };
  return {
    name: `gemv-${rows}${subgroups ? '-subgroups' : ''}`,
    minRows: Math.floor(rows / 2) + 1,
    maxRows: rows,
    supports: (_, traits) => !subgroups || traits.subgroupSize !== undefined,
    passes: (op, traits) => {
      const options = optionsFor(traits);
      const outputs = (options.threads / options.team) * outputsAtOnce(op);
      return [
        {
          shader: gemvShader(op, options),
          grid: count => [Math.ceil(op.outputs / outputs), Math.ceil(count / rows), 1],
        },
      ];
    },
  };
}
