import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { policies } from '../../src/core/policies/registry.ts';
import { completeConfig } from '../../src/sim/check-config.ts';
import type { Config } from '../../src/sim/config.ts';
import { runExperiment } from '../../src/sim/experiment.ts';
import { findModel } from '../../src/sim/models/catalogue.ts';
import { EventLog } from '../../src/trace/event-log.ts';

/**
 * Whole simulations, pinned by hash: results and every event, to the last byte, on every Node version.
 * A change that is meant to change results refreshes them: UPDATE_GOLDEN=1 npx vitest run test/sim/golden.test.ts
 */
const file = new URL('../golden/simulations.json', import.meta.url);
const update = process.env['UPDATE_GOLDEN'] === '1';
const golden: Record<string, string> = JSON.parse(readFileSync(file, 'utf8'));

const loads: Record<string, Config> = {
  // Of this seed some requests are rejected, too, and some preempted under every policy that does it.
  'sharegpt at once': { workload: 'sharegpt', num_prompts: 40, seed: 3 },
  'alpaca, bursty, n = 3': { workload: 'alpaca', num_prompts: 60, request_rate: 4, burstiness: 0.5, n: 3 },
  'beams of 4': { workload: 'alpaca', num_prompts: 30, request_rate: 2, beam_width: 4 },
  'shared prefixes, aborts, priorities': {
    workload: 'shared-prefix',
    num_prompts: 80,
    request_rate: 3,
    prefix_len: 200,
    abort_after: 60,
    high_priority_share: 0.2,
    order: 'priority',
  },
  chat: { workload: 'chat', users: 20, request_rate: 1, input_len: 60, output_len: 80 },
};

for (const { name } of policies) {
  for (const [load, config] of Object.entries(loads)) {
    test(`${name}, ${load}: same bytes as ever`, async () => {
      const full = completeConfig({ seed: 7, ...config, policy: [name], kv_slots: 6000, replications: 1 });
      const model = findModel(full.model)!;
      const lines: string[] = [];
      const log = new EventLog(text => lines.push(text));
      const traced = await runExperiment(full, { model, listener: policy => log.listener(policy) });
      const results = JSON.stringify(traced);
      // What no listener sees goes another way inside; it must come to the same.
      const untraced = JSON.stringify(await runExperiment(full, { model }));
      expect(sha(untraced)).toBe(sha(results));
      log.flush();
      const hash = sha(results + lines.join(''));
      const key = `${name}, ${load}`;
      if (update) {
        golden[key] = hash;
        const sorted = Object.fromEntries(Object.entries(golden).sort());
        writeFileSync(file, `${JSON.stringify(sorted, null, 2)}\n`);
      }
      expect(hash).toBe(golden[key]);
    });
  }
}

function sha(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
