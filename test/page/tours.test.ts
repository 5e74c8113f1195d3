import { expect, test } from 'vitest';
import { type RecordedRequest, type Recording, workKinds } from '../../src/trace/recording.ts';
import { Run } from '../../viz/page/run.ts';
import { tours } from '../../viz/page/tours/index.ts';
import { plural } from '../../viz/views/words.ts';
import { seen } from './stops.ts';

const percent = (share: number) => `${Math.round(share * 100)} %`;

test('every stop finds its moment, and says figures that are numbers', async () => {
  for (const { name, stops } of tours) {
    for (const [i, { title }] of stops.entries()) {
      const { found, text, figures } = await seen(name, i);
      expect(found, `${name} ${i}`).toBeDefined();
      expect(figures.length, `${name} ${i}: ${text}`).toBeGreaterThan(1);
      expect(text, title).not.toMatch(/NaN|Infinity|undefined|\b1 (requests|tokens|blocks|rows|slots)\b/);
      // Three lines on a projector.
      expect(text.length, text).toBeLessThan(330);
    }
  }
}, 60_000);

test('static batches: rows held, and what they keep', async () => {
  const { recording, step, text } = await seen('static', 1);
  const { held, running } = recording.steps;
  expect(held[step]).toBe(1);
  expect(held[step - 1]).toBe(0);
  const rows = rowsAt(recording, step);
  const of = rows.find(({ kind }) => kind === 'held')!.request;
  const blocks = (only?: RecordedRequest) => slotsOf(recording, only);
  expect(text).toContain(`1 of ${held[step]! + running[step]!} rows is held`);
  expect(text).toContain(`Request #${of.id} had its ${of.outputTokens} tokens after`);
  expect(text).toContain(`${(of.finished - of.arrival).toFixed(2)} s`);
  expect(text).toContain(`keeps ${percent(blocks(of) / blocks())} of the batch’s slots`);
});

test('static batches: the latecomer of 40 waits under one policy and not under the other', async () => {
  const { recording, run, other, text } = await seen('static', 5);
  const wait = ({ requests }: Recording) => requests[3]!.admitted - requests[3]!.arrival;
  expect(recording.requests.map(({ outputTokens }) => outputTokens)).toEqual([10, 50, 100, 40, 30]);
  expect(text).toContain(`waits ${wait(recording).toFixed(2)} s, under vllm no longer than`);
  expect(text).toContain(`${(wait(other!.recording) * 1e3).toFixed(1)} ms`);
  expect(text).toContain(`${(run.end / other!.end).toFixed(1)} times the rate`);
});

test('preallocation: what is claimed, and what of it holds a token', async () => {
  const { recording, step, text } = await seen('preallocation', 1);
  const { usage } = recording.steps;
  const claimed = ['token', 'reserved', 'internal', 'external'] as const;
  const sum = claimed.reduce((all, kind) => all + usage[kind][step]!, 0);
  expect(text).toContain(`${plural(sum, 'slot')} that are claimed here`);
  expect(text).toContain(`${percent(usage.token[step]! / sum)} hold a token`);
  expect(text).toContain(`${percent(usage.internal[step]! / sum)} will never hold one`);
  expect(Math.max(...usage.internal)).toBe(usage.internal[step]);
});

test('an idle GPU: arithmetic done, of what it could do', async () => {
  const { recording, step, text } = await seen('idle-gpu', 1);
  const { time, end, decodeTokens, prefillTokens, bandwidth, compute, overhead } = recording.steps;
  expect([prefillTokens[step], decodeTokens[step]]).toEqual([0, 1]);
  const seconds = end[step]! - time[step]!;
  // opt-13b by hand: 40 layers of 12·5120² and a head of 50272 (padded: 50272)·5120, biases apart.
  const byHand = 2 * (40 * 12 * 5120 ** 2 + 50272 * 5120);
  const teraflops = Number(/The GPU does ([\d.]+) of its 312 TFLOP/.exec(text)![1]);
  expect(teraflops / (byHand / seconds / 1e12)).toBeCloseTo(1, 2);
  const all = bandwidth[step]! + compute[step]! + overhead[step]!;
  expect(text).toContain(`memory bandwidth for ${percent(bandwidth[step]! / all)}`);
});

test('paging: blocks of one request, and the room in the last', async () => {
  const { recording, run, step, found, text } = await seen('paging', 0);
  const pin = found!.pin!.pin as { request: number };
  const table = [...run.replay.tableAt(pin.request, 0, step)];
  const { filled } = run.replay.stateAt(step);
  const tokens = table.reduce((sum, block) => sum + filled[block]!, 0);
  expect(text).toContain(`KV of ${tokens} tokens: ${table.length} blocks of 16 slots`);
  expect(text).toContain(plural(table.length * recording.memory.blockSize - tokens, 'slot'));
});

test('sharing: entries of block tables, and the blocks that they name', async () => {
  const { run, step, text } = await seen('sharing', 0);
  let entries = 0;
  const named = new Set<number>();
  for (const request of run.recording.requests.keys()) {
    for (const sequence of run.replay.sequencesAt(request, step)) {
      for (const block of run.replay.tableAt(request, sequence, step)) {
        entries++;
        named.add(block);
      }
    }
  }
  expect(named.size).toBeLessThan(entries);
  expect(text).toContain(`name ${entries} blocks, but there are only ${named.size}`);
  expect(text).toContain(`${percent(1 - named.size / entries)} saved`);
});

test('the words follow the cursor, and the settings', async () => {
  const before = await seen('static', 3);
  const after = await seen('static', 3, 0);
  expect(before.text).toContain('2 of 3 rows are held');
  expect(after.text).toContain('the batch holds no ended row');
  const larger = await seen('preallocation', 0, undefined, { max_model_len: 2048 });
  expect((await seen('preallocation', 0)).text).toContain('sets aside 1,024 slots');
  expect(larger.text).toContain('sets aside 2,048 slots');
});

test('where the settings leave nothing of a stop, it says so', async () => {
  const { found, text } = await seen('paging', 4, undefined, { kv_slots: 65536 });
  expect(found).toBeUndefined();
  expect(text).toBe('With these settings there is no preemption. Move a slider back, or go on.');
});

function rowsAt({ work, requests }: Recording, step: number) {
  const rows = [];
  for (let i = work.start[step]!; i < work.start[step + 1]!; i++)
    rows.push({ request: requests[work.request[i]!]!, kind: workKinds[work.kind[i]!]! });
  return rows;
}

/** Slots that requests of the batch at the first held row own: in the rest of the memory nobody is. */
function slotsOf(recording: Recording, only?: RecordedRequest): number {
  const run = new Run(recording);
  const step = recording.steps.held.findIndex(held => held > 0);
  const index = only && recording.requests.indexOf(only);
  const { owner } = run.replay.stateAt(step);
  const blocks = owner.filter(of => of >= 0 && (index === undefined || of === index));
  return blocks.length * recording.memory.blockSize;
}
