import { findGpu } from '../../sim/hardware/catalogue.ts';
import type { Gpu } from '../../sim/hardware/gpu.ts';
import { DecodeTable } from '../../sim/kernels/decode-table.ts';
import { gemmTable } from '../../sim/kernels/gemm-table.ts';
import type { GemmPrecision } from '../../sim/kernels/kernel-tables.ts';
import { openRows } from '../../sim/kernels/open-kernel-tables.ts';
import { PrefillTable } from '../../sim/kernels/prefill-table.ts';
import { systems } from '../../sim/kernels/systems.ts';
import { type TableFile, tableFiles } from '../../sim/kernels/table-files.ts';
import type { TableRows } from '../../sim/kernels/table-rows.ts';
import { quantile } from '../../sim/statistics.ts';
import type { Case } from '../case.ts';
import type { Chart, Study } from '../study.ts';
import { decodeRooflineErrors, gemmRooflineErrors, prefillRooflineErrors } from './roofline-errors.ts';
import {
  decodeShapes,
  type Errors,
  gemmPoints,
  gemmShapes,
  planeLines,
  planePoints,
  prefillShapes,
} from './table-errors.ts';

/** Predictions of one kind from one table, at most. */
const SAMPLE = 2000;

/** Accepted median errors, in percentage points. */
const bounds = { gemm: 4, context_attention: 2, generation_attention: 2 } as const;
type Op = keyof typeof bounds;

const titles: Record<Op, string> = {
  gemm: 'matrix products',
  context_attention: 'prefill attention',
  generation_attention: 'decode attention',
};

/** Each measured row predicted from the others of its table: what reading between the rows costs. */
export const kernelTables: Study = {
  name: 'kernel-tables',
  suite: 'kernels',
  title: 'Measured kernels, each row predicted from the others',
  needsData: true,
  async run({ data, progress }) {
    const files = (await tableFiles(data!)).filter(isRead);
    const cases: Case[] = [];
    for (const [i, file] of files.entries()) {
      progress?.(i / files.length, file.path);
      const rows = (await openRows(data!, file))();
      const system = Object.values(systems).find(({ name }) => name === file.system)!;
      const gpu = findGpu(system.measured)!;
      cases.push(...casesOf(file, rows, gpu, system.multiprocessors));
    }
    return {
      cases: [...cases, ...pooled(cases)],
      charts: (Object.keys(bounds) as Op[]).map(op => chartOf(op, cases)),
      notes: [
        `Of a table at most ${SAMPLE} rows are left out, spread evenly. Errors are relative and without sign.`,
        'A row is left out of its curve (m of a weight matrix, batch of a prompt length, KV length of a batch); ' +
          'or with it the whole curve, prompt length or batch, which asks more than any run does, for the grids ' +
          'double from one to the next; or the whole shape.',
        'A row of an edge (one prompt, one sequence) has neighbours on one side only and is not asked for. Tables of ' +
          'fp8_block measure launches from Python more than kernels: 60 to 340 µs whatever the size.',
      ],
    };
  },
};

/** The middle table of each operation. */
function pooled(cases: readonly Case[]): Case[] {
  return (Object.keys(bounds) as Op[]).flatMap(op => {
    const medians = cases
      .filter(({ what }) => what.includes(titles[op]) && what.endsWith('row left out, median error'))
      .map(({ predicted }) => predicted);
    if (medians.length === 0) return [];
    return {
      what: `all tables, ${titles[op]}: row left out, median of the medians`,
      source: 'AIConfigurator',
      unit: '%',
      points: true,
      measured: 0,
      predicted: quantile(Float64Array.from(medians).sort(), 0.5),
      bound: bounds[op],
      note: `${medians.length} tables`,
    };
  });
}

const isRead = ({ op, system }: TableFile): boolean =>
  op in bounds && Object.values(systems).some(({ name }) => name === system);

function casesOf(file: TableFile, rows: TableRows, gpu: Gpu, multiprocessors: number): Case[] {
  const { op } = file;
  if (op === 'gemm') {
    return rows.texts
      .get('gemm_dtype')!
      .values.flatMap(precision => gemmCases(file, rows, precision as GemmPrecision, gpu, multiprocessors));
  }
  const about = describer(file, titles[op as Op]);
  if (op === 'context_attention') {
    const table = new PrefillTable(rows, multiprocessors);
    const planes = table.measured.flatMap(own => own.grid().planes);
    return [
      ...about('row', planePoints(planes, SAMPLE), bounds[op]),
      ...about('prompt length', planeLines(planes, SAMPLE)),
      ...about('shape', prefillShapes(table, SAMPLE)),
      ...about('roofline', all(prefillRooflineErrors(table, gpu))),
    ];
  }
  const table = new DecodeTable(rows);
  const planes = table.measured.map(own => own.plane());
  return [
    ...about('row', planePoints(planes, SAMPLE), bounds.generation_attention),
    ...about('batch', planeLines(planes, SAMPLE)),
    ...about('shape', decodeShapes(table, SAMPLE)),
    ...about('roofline', all(decodeRooflineErrors(table, gpu))),
  ];
}

function gemmCases(
  file: TableFile,
  rows: TableRows,
  precision: GemmPrecision,
  gpu: Gpu,
  multiprocessors: number,
): Case[] {
  const table = gemmTable(rows, precision, gpu, multiprocessors);
  if (!table) return [];
  const about = describer(file, `${titles.gemm}, ${precision}`);
  return [
    ...about('row', gemmPoints(table, SAMPLE), bounds.gemm),
    ...about('weight matrix', gemmShapes(table, SAMPLE)),
    ...about('roofline', all(gemmRooflineErrors(table, gpu))),
  ];
}

const all = (values: readonly number[]): Errors => ({ values, of: values.length });

/** Cases of one table: the median, and for rows the 90th percentile. */
function describer(file: TableFile, what: string) {
  const { path, system, framework, version } = file;
  return (left: string, { values, of }: Errors, bound?: number): Case[] => {
    if (values.length === 0) return [];
    const sorted = Float64Array.from(values).sort();
    const how = left === 'roofline' ? 'roofline instead' : `${left} left out`;
    const common = {
      source: `AIConfigurator, ${path.split('/').at(-1)}`,
      unit: '%',
      points: true,
      measured: 0,
      note: `${values.length} of ${of}`,
    } as const;
    const name = `${system}, ${framework} ${version}, ${what}: ${how}`;
    const median = 100 * quantile(sorted, 0.5);
    const cases: Case[] = [
      {
        ...common,
        what: `${name}, median error`,
        predicted: median,
        ...(bound !== undefined && { bound }),
      },
    ];
    if (left === 'row') {
      cases.push({
        ...common,
        what: `${name}, 90th percentile`,
        predicted: 100 * quantile(sorted, 0.9),
      });
    }
    return cases;
  };
}

/** Medians with a table and without one, table by table. */
function chartOf(op: Op, cases: readonly Case[]): Chart {
  const bars = (how: string) =>
    cases
      .filter(({ what }) => what.includes(titles[op]) && what.endsWith(`${how}, median error`))
      .map(({ what, predicted }) => [shortName(what), predicted] as const);
  return {
    title: `Median error of ${titles[op]}`,
    kind: 'bars',
    x: { label: 'table' },
    y: { label: 'error, %' },
    series: [
      { name: 'table', points: bars('row left out') },
      { name: 'roofline', points: bars('roofline instead') },
    ],
  };
}

/** `h100_sxm, vllm 0.24.0, matrix products, fp8: row …` is `h100 vllm 0.24.0 fp8`. */
function shortName(what: string): string {
  const [system, engine, , precision] = what.split(':')[0]!.split(', ');
  return [system!.replace('_sxm', '').replace('_server', ''), engine, precision].filter(Boolean).join(' ');
}
