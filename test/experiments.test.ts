import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { studies } from '../src/validation/registry.ts';

const root = resolve(import.meta.dirname, '..');
const read = (path: string) => readFileSync(resolve(root, path), 'utf8');
const folders = readdirSync(resolve(root, 'experiments'), { withFileTypes: true })
  .filter(entry => entry.isDirectory())
  .map(({ name }) => name);

/** What is predicted, study by study and case by case, when the documents were last written. */
const predicted = new Map<string, number>(
  JSON.parse(read('docs/accuracy.json')).studies.flatMap(
    ({ name, cases }: { name: string; cases: { what: string; predicted: number }[] }) =>
      cases.map(one => [`${name}: ${one.what}`, one.predicted] as const),
  ),
);

/** The cells of every row of a Markdown table, by its header's first cell. */
function table(text: string, head: string): string[][] {
  const lines = text.split('\n');
  const start = lines.findIndex(line => line.startsWith(`| ${head}`));
  expect(start, head).toBeGreaterThanOrEqual(0);
  const rows = lines.slice(start + 2);
  const end = rows.findIndex(line => !line.startsWith('|'));
  return rows.slice(0, end).map(line =>
    line
      .split('|')
      .slice(1, -1)
      .map(cell => cell.trim()),
  );
}

/** The first number of a cell is ours: half a unit of its last digit away at most. */
function agrees(cell: string, what: string): void {
  const digits = /\d+(?:\.(\d+))?/.exec(cell)!;
  const of = predicted.get(what);
  expect(of, what).toBeDefined();
  const off = Math.abs(Number(digits[0]) - of!);
  expect(off, `${what}: ${cell}, predicted ${of}`).toBeLessThanOrEqual(
    0.51 * 10 ** -(digits[1]?.length ?? 0),
  );
}

describe('the tables of the experiments are what the studies say', () => {
  test('02: memory and batches', () => {
    const text = read('experiments/02-paper-memory/README.md');
    const kinds = ['token states', 'reservation', 'internal fragmentation', 'external & others'];
    for (const [system, ...cells] of table(text, 'ShareGPT, 4 requests/s')) {
      for (const [i, kind] of kinds.entries()) {
        // Of vLLM the paper prints one share.
        if (system === 'vLLM' && i > 0) continue;
        agrees(cells[i]!, `paper-memory: OPT-13B, ShareGPT, overloaded: ${kind} of ${system}`);
      }
    }
    for (const [system, sharegpt, alpaca] of table(text, 'requests batched')) {
      agrees(sharegpt!, `paper-memory: OPT-13B, ShareGPT at 2 requests/s: batch of ${system}`);
      agrees(alpaca!, `paper-memory: OPT-13B, Alpaca at 30 requests/s: batch of ${system}`);
    }
  });

  test('03: knees', () => {
    const systems = ['faster-transformer', 'orca-max', 'orca-pow2', 'orca-oracle', 'vllm-v0'];
    for (const [panel, ...cells] of table(read('experiments/03-paper-latency/README.md'), 'requests/s at')) {
      for (const [i, system] of systems.entries()) {
        // Where nothing was published there is no case.
        if (cells[i]!.includes('(')) agrees(cells[i]!, `paper-latency: ${panel}: knee of ${system}`);
      }
    }
  });

  test('04: blocks saved', () => {
    for (const [name, ...cells] of table(
      read('experiments/04-paper-ablations/README.md'),
      'KV blocks saved',
    )) {
      const [data, kind] = name!.split(', ');
      for (const [i, cell] of cells.entries()) {
        const sequences = kind === 'beams' ? 'beams' : 'samples';
        if (cell) {
          agrees(
            cell,
            `paper-ablations: OPT-13B, ${data}, ${[2, 4, 6][i]} ${sequences}: KV blocks saved by sharing`,
          );
        }
      }
    }
  });

  test('05: ratios', () => {
    const names: Record<string, string> = { Transformers: 'HF', 'TGI 0.8': 'TGI 0.8' };
    let of = '';
    for (const [against, n, published, ...ours] of table(
      read('experiments/05-blog-throughput/README.md'),
      'vLLM against',
    )) {
      of = against || of;
      if (!published) continue;
      for (const [i, server] of ['LLaMA-13B, A100-40GB', 'LLaMA-7B, A10G'].entries()) {
        const answers = n === '1' ? 'one answer' : `${n} answers`;
        agrees(ours[i]!, `blog-throughput: ${server}, ${answers} a request: vLLM against ${names[of]}`);
      }
    }
  });
});

test('the index names every folder and every study', () => {
  const index = read('experiments/README.md');
  for (const folder of folders) expect(index).toContain(`](${folder}/README.md)`);
  const runs = studies.map(({ name }) => `npx quire experiment ${name}`);
  expect([...index.matchAll(/npx quire experiment [\w-]+/g)].map(([run]) => run).sort()).toEqual(runs.sort());
});
