import { describe, expect, test } from 'vitest';
import { attentionOf, attentionRows, files, open, step } from './profile.ts';

const skew =
  'pc,n_label,skew_rate_label,kv_big_label,kp_label,alpha,n_samples\n' +
  '0,n<=4,sr<=40%,kvB<=1k,kp=0,0.5,3\n0,n<=4,sr>70%,kvB<=1k,kp=0,0.25,3\n16,n<=4,sr<=40%,kvB<=1k,kp<=1k,1,1\n';

describe('unequal decodes of a step', () => {
  test('between as many of the mean and of the longest, by the fit; not where it is disabled', async () => {
    const skewed = await open({ ...files, skew_fit: skew });
    expect(skewed.needsSpread).toBe(true);
    const unequal = step({ decodes: 4, kv: 256, shortest: 100, longest: 620 });
    const [mean, most] = [256, 620].map(kv => attentionOf(0, 0, 4, kv) * 1e-6) as [number, number];
    // (256 − 100) / (620 − 100) = 30 %: the cell of 40 %.
    expect(skewed.attention(unequal)!.seconds).toBeCloseTo(mean + 0.5 * (most - mean), 12);
    // More decodes than any label names: the last one.
    const [mean10, most10] = [256, 620].map(kv => attentionOf(0, 0, 10, kv) * 1e-6) as [number, number];
    expect(skewed.attention({ ...unequal, decodes: 10 })!.seconds).toBeCloseTo(
      mean10 + 0.5 * (most10 - mean10),
      12,
    );
    // With a prompt, and the mean near the longest: no such cell, so the mean of those with prompts, 1.
    const mixed = { ...unequal, chunk: 16, key: 8, kv: 600 };
    expect(skewed.attention(mixed)!.seconds).toBeCloseTo(attentionOf(16, 0, 4, 620) * 1e-6, 12);
    expect(skewed.attention(step({ decodes: 4, kv: 256 }))!.seconds).toBeCloseTo(mean, 12);

    const meta = 'model: x\nskew_profile:\n  enabled: false\nskew_fit:\n  enabled: false\n';
    const plain = await open({ ...files, skew_fit: skew, meta });
    expect(plain.needsSpread).toBe(false);
    expect(plain.attention(unequal)!.seconds).toBeCloseTo(mean, 12);
    expect(
      (await open({ ...files, skew_fit: skew, meta: meta.replaceAll('false', 'true') })).needsSpread,
    ).toBe(true);
  });

  test('longest no slower than the mean: nothing to correct, as its kernel was left alone', async () => {
    // Past 256 slots the table falls: the last two points go on downwards, or a clock jumped.
    const falling = attentionRows.map(row => {
      const [chunk, past, n, kv, time] = row.split(',').map(Number) as [
        number,
        number,
        number,
        number,
        number,
      ];
      return [chunk, past, n, kv, kv === 4096 ? attentionOf(chunk, past, n, 16) - 1 : time].join();
    });
    const attention = `prefill_chunk,kv_prefill,n_decode,kv_decode,time_us\n${falling.join('\n')}\n`;
    const profile = await open({ ...files, attention, skew_fit: skew });
    const unequal = step({ decodes: 4, kv: 256, shortest: 100, longest: 620 });
    expect(profile.attention(unequal)).toEqual(profile.attention(step({ decodes: 4, kv: 256 })));
  });

  test('cells that were not measured take the default of the meta file, of this degree of parallelism', async () => {
    const meta =
      'model: x\nskew_fit:\n  enabled: true\n  bucket_axes:\n    n_bins: [0, 2,\n      1000000]\n  per_tp:\n' +
      '    1:\n      n_samples: 3\n      alpha_default: 0.125\n    2:\n      alpha_default: 0.75\n';
    const unequal = step({ decodes: 4, kv: 600, shortest: 100, longest: 620, chunk: 16, key: 8 });
    const [mean, most] = [600, 620].map(kv => attentionOf(16, 0, 4, kv) * 1e-6) as [number, number];
    for (const [text, alpha] of [
      [meta, 0.125],
      [meta.replaceAll('\n', '\r\n').replace('    1:', "    '1':"), 0.125],
      [meta.replace('alpha_default: 0.125', 'alpha_default_by_layer:\n        attention: 0.25'), 0.25],
    ] as const) {
      const profile = await open({ ...files, skew_fit: skew, meta: text });
      expect(profile.attention(unequal)!.seconds).toBeCloseTo(mean + alpha * (most - mean), 12);
    }
    // A measured cell stays.
    const measured = step({ decodes: 4, kv: 256, shortest: 100, longest: 620 });
    const [low, high] = [256, 620].map(kv => attentionOf(0, 0, 4, kv) * 1e-6) as [number, number];
    const profile = await open({ ...files, skew_fit: skew, meta });
    expect(profile.attention(measured)!.seconds).toBeCloseTo(low + 0.5 * (high - low), 12);
  });

  test('cells of other attention kernels are not those of this one', async () => {
    const [header, ...cells] = skew.trim().split('\n');
    const layered = [
      `layer,${header}`,
      ...cells.map(cell => `attention,${cell}`),
      ...cells.map(cell => `sparse_attention,${cell.replace(/,[\d.]+,(\d)$/, ',9,$1')}`),
    ].join('\n');
    const unequal = step({ decodes: 4, kv: 256, shortest: 100, longest: 620 });
    const both = await open({ ...files, skew_fit: layered });
    expect(both.attention(unequal)).toEqual((await open({ ...files, skew_fit: skew })).attention(unequal));
  });

  test.each([
    'layer,n_label,pc_label,lev_label,alpha,n_samples\nattention,n<=4,pc<=16,lev<=0.5,0.9,3\n',
    'layer,decode_q_len,pc_label,lev_label,n_anchor,alpha,direct_rows,pooled_rows\nattention,1,pc=0,lev<=0.5,4,0.9,30,30\n',
  ])('fits of newer profilers take the default throughout, and the source says so %#', async newer => {
    const unequal = step({ decodes: 4, kv: 256, shortest: 100, longest: 620 });
    const [mean, most] = [256, 620].map(kv => attentionOf(0, 0, 4, kv) * 1e-6) as [number, number];
    const meta =
      'skew_fit:\n  enabled: true\n  per_tp:\n    1:\n      alpha_default_by_kernel:\n        attention|q=1: 0.06\n';
    const profile = await open({ ...files, skew_fit: newer, meta });
    expect(profile.needsSpread).toBe(true);
    expect(profile.attention(unequal)!.seconds).toBeCloseTo(mean + 0.06 * (most - mean), 12);
    expect(profile.source).toMatch(/skew_fit\.csv\.gz: .*default 0\.06/);
    const without = await open({ ...files, skew_fit: newer });
    expect(without.needsSpread).toBe(false);
    expect(without.attention(unequal)!.seconds).toBeCloseTo(mean, 12);
    expect(without.source).toMatch(/skew_fit\.csv\.gz: .*not used/);
  });
});
