import {
  type SymbolType,
  symbol,
  symbolCircle,
  symbolCross,
  symbolDiamond,
  symbolSquare,
  symbolStar,
  symbolTriangle,
} from 'd3';
import { kindColours } from './memory-figure.ts';
import { round } from './svg.ts';

/**
 * One colour for a name, in whatever figure it appears: the paper's systems from Okabe–Ito, which the
 * colour-blind tell apart, the others from Tol's muted set.
 */
const named: Readonly<Record<string, string>> = {
  vllm: '#0072b2',
  'orca-oracle': '#009e73',
  'orca-pow2': '#e69f00',
  'orca-max': '#d55e00',
  'faster-transformer': '#cc79a7',
  'hf-static': '#444444',
  'deepspeed-static': '#888888',
  'tgi-0.8': '#aa4499',
  'vllm-v0': '#56b4e9',
  sarathi: '#332288',
  fastgen: '#999933',
  sglang: '#117733',
  'tgi-3': '#882255',
  'nano-vllm': '#88ccee',
  ...kindColours,
};

/** What figures of papers call the same. */
const aliases: Readonly<Record<string, string>> = {
  hf: 'hf-static',
  'token states': 'token',
  reservation: 'reserved',
  'internal fragmentation': 'internal',
  'external & others': 'external',
};

/** `Orca (Max)` is `orca-max`. */
const plain = (name: string) => name.toLowerCase().replace(/[^a-z0-9]/g, '');

const byPlainName = new Map([
  ...Object.keys(named).map(name => [plain(name), name] as const),
  ...Object.entries(aliases).map(([alias, name]) => [plain(alias), name] as const),
]);

/** For names that nobody foresaw, in order of appearance. */
const others = [
  '#0072b2',
  '#d55e00',
  '#009e73',
  '#cc79a7',
  '#e69f00',
  '#56b4e9',
  '#332288',
  '#882255',
  '#999933',
  '#444444',
];

const shapes: readonly SymbolType[] = [
  symbolCircle,
  symbolSquare,
  symbolTriangle,
  symbolDiamond,
  symbolStar,
  symbolCross,
];

/** The colour that a name has in every figure, if it has one. */
export function fixedColour(name: string | number): string | undefined {
  return named[byPlainName.get(plain(String(name))) ?? ''];
}

export interface Look {
  readonly colour: string;
  /** Path of its mark, around the origin: a second way to tell it apart. */
  readonly mark: string;
}

/** How each name looks in one figure; names are in order of appearance. */
export function looks(names: readonly string[]): ReadonlyMap<string, Look> {
  const taken = new Set(names.flatMap(name => fixedColour(name) ?? []));
  const free = others.filter(colour => !taken.has(colour));
  let next = 0;
  return new Map(
    names.map((name, i) => [
      name,
      {
        colour: fixedColour(name) ?? free[next++ % free.length] ?? '#222222',
        mark: path(shapes[(orderOf(name) ?? i) % shapes.length]!),
      },
    ]),
  );
}

/** Place among the names that are known, which gives each the same shape in every figure. */
function orderOf(name: string): number | undefined {
  const known = byPlainName.get(plain(name));
  return known === undefined ? undefined : Object.keys(named).indexOf(known);
}

function path(shape: SymbolType): string {
  return symbol(shape, 36)()!.replace(/-?\d+\.\d+/g, number => String(round(Number(number))));
}
