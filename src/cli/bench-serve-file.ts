import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchFlags } from './bench-serve-flags.ts';
import { OutputFile } from './output-file.ts';

/** Where the result goes, looked at before anything is sent; undefined when nobody wants it saved. */
export function resultFile(
  flags: BenchFlags,
  {
    model,
    requestRate,
    date,
  }: { readonly model: string; readonly requestRate: number; readonly date: string },
): OutputFile | undefined {
  if (!flags.saveResult && !flags.appendResult) return undefined;
  const label = flags.label ?? flags.backend;
  const limit = flags.maxConcurrency === undefined ? '' : `-concurrency${flags.maxConcurrency}`;
  const base = model.split('/').at(-1)!;
  const own = `${label}-${pythonFloat(requestRate)}qps${limit}-${base}-${date}.json`.replaceAll(
    /[/\\:]/g,
    '-',
  );
  return new OutputFile('--save-result', join(flags.resultDir ?? '', flags.resultFilename ?? own), [
    flags.datasetPath,
  ]);
}

/** On one line, as `vllm bench serve` writes it; a line more where it is added to others. */
export async function saveResult(
  file: OutputFile,
  result: Readonly<Record<string, unknown>>,
  append: boolean,
): Promise<void> {
  const before = append && existsSync(file.path) ? readFileSync(file.path, 'utf8') : '';
  const separator = before === '' || before.endsWith('\n') ? '' : '\n';
  await file.write([before, separator, JSON.stringify(result)]);
}

/** As Python writes a float: file names and lines are then vLLM's. */
export function pythonFloat(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return 'inf';
  return Number.isInteger(value) ? value.toFixed(1) : String(value);
}

/** `YYYYmmdd-HHMMSS`, local. */
export function dateText(date: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}${two(date.getMonth() + 1)}${two(date.getDate())}`;
  return `${day}-${two(date.getHours())}${two(date.getMinutes())}${two(date.getSeconds())}`;
}
