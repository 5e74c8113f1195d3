import { parquetMetadata, parquetReadObjects } from 'hyparquet';
import { describe, expect, test } from 'vitest';
import { slotKinds } from '../../src/core/kv-memory.ts';
import { requestsParquet, stepsParquet } from '../../src/trace/parquet.ts';
import { recorded } from './runs.ts';

type Row = Record<string, number | string | null>;

const fileOf = (bytes: Uint8Array) => new Uint8Array(bytes).buffer;
const rowsOf = async (bytes: Uint8Array) => (await parquetReadObjects({ file: fileOf(bytes) })) as Row[];

const load = { workload: 'shared-prefix', num_prompts: 60, request_rate: 4, abort_after: 4, n: 2 } as const;
const small = { kv_slots: 6000, ...load };

describe('a table of requests', () => {
  test('has a row for each request of each run, as recorded', async () => {
    const recordings = [await recorded(small, 'hf-static'), await recorded(small, 'vllm')];
    const rows = await rowsOf(requestsParquet(recordings));
    const expected = recordings.flatMap(({ policy, requests }) =>
      requests.map(request => ({ policy, ...request })),
    );
    expect(rows).toHaveLength(expected.length);
    const known = (value: number) => (Number.isNaN(value) ? null : value);
    for (const [i, row] of rows.entries()) {
      const request = expected[i]!;
      expect(row).toMatchObject({
        policy: request.policy,
        request: request.id,
        arrival_s: request.arrival,
        prompt_tokens: request.promptTokens,
        max_tokens: request.maxTokens,
        width: request.width,
        output_tokens: request.outputTokens,
        cached_tokens: request.cachedTokens,
        admitted_s: known(request.admitted),
        first_token_s: known(request.firstToken),
        finished_s: known(request.finished),
        ttft_s: known(request.firstToken - request.arrival),
        e2el_s: known(request.finished - request.arrival),
        preemptions: request.preemptions,
        end: request.end,
      });
    }
    // Every kind of end, or null would be untested.
    expect(new Set(rows.map(row => row['end']))).toEqual(new Set(['finished', 'aborted', 'rejected']));
    expect(rows.some(row => row['finished_s'] === null)).toBe(true);
  });

  test('gives time per output token, but for answers of one token', async () => {
    const one = { workload: 'fixed', num_prompts: 3, input_len: 20, output_len: 1 } as const;
    for (const row of await rowsOf(requestsParquet([await recorded(one, 'vllm')])))
      expect(row['tpot_s']).toBeNull();
    const rows = await rowsOf(requestsParquet([await recorded({ ...one, output_len: 11 }, 'vllm')]));
    for (const row of rows) {
      const [first, last] = [row['first_token_s'] as number, row['finished_s'] as number];
      expect(row['tpot_s']).toBeCloseTo((last - first) / 10, 12);
    }
  });
});

describe('a table of steps', () => {
  test('has a row for each step of each run; memory by kind sums to the capacity', async () => {
    const recordings = [await recorded(small, 'orca-max'), await recorded(small, 'vllm')];
    const rows = await rowsOf(stepsParquet(recordings));
    expect(rows).toHaveLength(recordings.reduce((sum, { steps }) => sum + steps.count, 0));
    let at = 0;
    for (const { policy, steps, memory } of recordings) {
      for (let step = 0; step < steps.count; step++) {
        const row = rows[at++]!;
        expect(row).toMatchObject({
          policy,
          step,
          start_s: steps.time[step],
          end_s: steps.end[step],
          running_requests: steps.running[step],
          waiting_requests: steps.waiting[step],
          held_requests: steps.held[step],
          prefill_tokens: steps.prefillTokens[step],
          decode_tokens: steps.decodeTokens[step],
        });
        const slots = slotKinds.map(kind => row[`kv_${kind}_slots`] as number);
        expect(slots.reduce((sum, count) => sum + count, 0)).toBeCloseTo(memory.capacity, 6);
        const bound = ['compute_bound_s', 'bandwidth_bound_s', 'overhead_s'].map(name => row[name] as number);
        expect(bound.reduce((sum, seconds) => sum + seconds, 0)).toBeCloseTo(
          steps.end[step]! - steps.time[step]!,
          6,
        );
      }
    }
  });

  test('says which settings it came from', async () => {
    const recording = await recorded(small, 'vllm');
    const { key_value_metadata: metadata } = parquetMetadata(fileOf(stepsParquet([recording])));
    const config = metadata!.find(({ key }) => key === 'quire.config.vllm')!.value!;
    expect(JSON.parse(config)).toEqual(recording.config);
  });
});

test('no run at all is a table without rows', async () => {
  expect(await rowsOf(requestsParquet([]))).toEqual([]);
  expect(await rowsOf(stepsParquet([]))).toEqual([]);
});

test('the same run gives the same bytes', async () => {
  const bytes = async () => stepsParquet([await recorded(small, 'vllm')]);
  expect(await bytes()).toEqual(await bytes());
});
