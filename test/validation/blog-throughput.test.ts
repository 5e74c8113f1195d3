import { beforeAll, expect, test } from 'vitest';
import { scriptRequests, splitAnswers } from '../../src/validation/blog/requests.ts';
import { setUp } from '../../src/validation/blog/serve.ts';
import { hf, tgi08Server, vllm } from '../../src/validation/blog/systems.ts';
import { blogThroughput } from '../../src/validation/blog/throughput.ts';
import { type Case, errorOf } from '../../src/validation/case.ts';
import type { StudyResult } from '../../src/validation/study.ts';

const a100 = { model: 'llama-13b', gpu: 'a100-40g' };
const shares: number[] = [];
let result: StudyResult;

beforeAll(async () => {
  result = await blogThroughput.run({ progress: done => shares.push(done) });
}, 60_000);

function named(...parts: string[]): Case[] {
  const found = result.cases.filter(({ what }) => parts.every(part => what.includes(part)));
  expect(found, parts.join(', ')).not.toEqual([]);
  return found;
}

test('every figure is a number under a name of its own, and progress only goes up', () => {
  for (const { what, predicted } of result.cases) expect(Number.isFinite(predicted), what).toBe(true);
  expect(new Set(result.cases.map(({ what }) => what)).size).toBe(result.cases.length);
  expect(shares.every((share, i) => share <= 1 && (i === 0 || share >= shares[i - 1]!))).toBe(true);
});

test('the ratios of the blog are missed by less than a third, and move with n as published', () => {
  for (const figure of named('vLLM against'))
    expect(Math.abs(errorOf(figure)), figure.what).toBeLessThan(0.33);
  for (const server of ['A100', 'A10G']) {
    const ratio = (n: string, of: string) => named(server, n, `against ${of}`)[0]!.predicted;
    expect(ratio('3 answers', 'HF')).toBeLessThan(ratio('one answer', 'HF'));
    expect(ratio('3 answers', 'TGI 0.8')).toBeGreaterThan(ratio('one answer', 'TGI 0.8'));
  }
});

test('paging narrows the lead over TGI', () => {
  const [rates] = result.charts.filter(({ title }) => title === 'One answer a request');
  const of = (name: string) => rates!.series.find(series => series.name === name)!.points;
  for (const [i, [server, rate]] of of('vLLM').entries()) {
    const [slow, older, today] = ['HF', 'TGI 0.8', 'TGI 3'].map(name => of(name)[i]!);
    for (const point of [slow, older, today]) expect(point![0]).toBe(server);
    expect(older![1]).toBeGreaterThan(slow![1]);
    expect(today![1]).toBeGreaterThan(1.5 * older![1]);
    expect(rate / today![1]).toBeLessThan(1.4);
  }
});

test('one request takes Transformers as long as others saw', () => {
  for (const figure of named('HF, one request')) expect(Math.abs(errorOf(figure))).toBeLessThan(0.15);
});

test('waste: reservations and static batches over 55 %, paging under 4 %', () => {
  for (const figure of named('waste of')) {
    if (figure.what.endsWith('vllm-v0')) expect(figure.predicted).toBeLessThan(4);
    else expect(figure.predicted, figure.what).toBeGreaterThan(55);
  }
});

test('the arithmetic of a token, a request and a GPU; a run has room for fewer', () => {
  expect(named('KV of a token')[0]!.predicted).toBe(512);
  expect(named('KV of a request of 4,096')[0]!.predicted).toBe(2);
  expect(named('at once, (80 GB')[0]!.predicted).toBe(33);
  const run = named('in a run that reserves')[0]!.predicted;
  expect(run).toBeLessThan(33);
  expect(run).toBeGreaterThan(25);
});

test('requests of the scripts: answers are equally long, and asked for exactly', () => {
  const requests = scriptRequests({ count: 50, lengths: { kind: 'sharegpt' }, n: 3, seed: 1 });
  for (const { outputTokens, maxTokens, promptTokens } of requests) {
    expect(outputTokens).toEqual([maxTokens, maxTokens, maxTokens]);
    expect(promptTokens + maxTokens!).toBeLessThanOrEqual(2048);
  }
  const split = splitAnswers(requests);
  expect(split.length).toBe(150);
  expect(split.every(({ outputTokens }) => outputTokens.length === 1)).toBe(true);
  const sum = (list: readonly { outputTokens: readonly number[] }[]) =>
    list.reduce((total, { outputTokens }) => total + outputTokens.reduce((a, b) => a + b, 0), 0);
  expect(sum(split)).toBe(sum(requests));
});

test.each([1, 3])('n = %i: batches of HF and TGI are the largest that cannot run out', n => {
  const engine = hf.engine(a100, n);
  const { slots } = setUp(a100, engine);
  const rows = engine.limits!.maxNumSeqs!;
  expect(rows % n).toBe(0);
  expect(2 * rows * 2048).toBeLessThanOrEqual(slots);
  expect(2 * (rows + n) * 2048).toBeGreaterThan(slots);
  expect(2 * tgi08Server.engine(a100, n).limits!.maxBatchTotalTokens!).toBeLessThanOrEqual(slots);
});

test('the sampler of vLLM 0.1 costs what the pull request that replaced it saved', () => {
  expect(vllm.engine(a100, 1).overheads!.perSequence * 338).toBeCloseTo(1 / 3.7 - 1 / 4.77, 6);
});
