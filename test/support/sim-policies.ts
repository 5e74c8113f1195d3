import { admissions } from '../../src/core/policies/admissions.ts';
import { continuous, prefillFirst } from '../../src/core/policies/batchings.ts';
import { orders } from '../../src/core/policies/orders.ts';
import type { Policy } from '../../src/core/policies/policy.ts';
import { findPolicy, policies } from '../../src/core/policies/registry.ts';
import { victims } from '../../src/core/policies/victims.ts';

export function named(name: string): Policy {
  const policy = findPolicy(name);
  if (!policy) throw new Error(`no policy ${name}`);
  return policy;
}

/** A named policy with some of its parts replaced, called after them. */
export function composed(base: string, parts: Partial<Policy>): Policy {
  const what = Object.values(parts).map(part =>
    typeof part === 'object' && 'name' in part ? part.name : typeof part === 'string' ? part : '',
  );
  return { ...named(base), ...parts, name: [base, ...what.filter(Boolean)].join('+') };
}

/** The batching parts, admission parts and memory are those of the bases; the other choices go round. */
function mixtures(): Policy[] {
  const mixed: Policy[] = [];
  const bases = ['vllm', 'vllm-v0', 'sglang', 'sarathi', 'nano-vllm', 'tgi-3'];
  const preemptions = ['recompute', 'swap', 'auto'] as const;
  let turn = 0;
  for (const order of Object.values(orders)) {
    for (const victim of Object.values(victims)) {
      const admission = Object.values(admissions)[turn % 4]!;
      const base = bases[turn % bases.length]!;
      const preemption = preemptions[turn % 3]!;
      mixed.push({ ...composed(base, { order, victim, preemption }), admission });
      mixed.at(-1)!.name satisfies string;
      turn++;
    }
  }
  return mixed.map((policy, i) => ({ ...policy, name: `${policy.name}+${policy.admission().name}#${i}` }));
}

export const priorityPolicies: readonly Policy[] = [
  composed('vllm', { order: orders.priority, victim: victims['lowest-priority'] }),
  composed('sarathi', { order: orders.priority, victim: victims['lowest-priority'], preemption: 'swap' }),
  composed('vllm-v0', { order: orders.priority, victim: victims['lowest-priority'] }),
];

export const composedPolicies: readonly Policy[] = [
  ...priorityPolicies,
  ...mixtures(),
  {
    ...composed('orca-max', { batching: continuous('none') }),
    memory: named('vllm').memory,
    name: 'whole+paged',
  },
  {
    ...composed('sglang', { batching: prefillFirst('any') }),
    memory: named('fastgen').memory,
    name: 'sglang-uncached',
  },
  { ...named('vllm'), name: 'vllm+claim-max', memory: named('tgi-3').memory },
  { ...named('vllm'), name: 'vllm+swap', preemption: 'swap' },
];

export const everyPolicy: readonly Policy[] = [...policies, ...composedPolicies];

/** Policies that may not read the true output lengths: all but the two oracles. */
export const honestPolicies = everyPolicy.filter(
  ({ memory }) => memory.kind !== 'contiguous' || memory.reserve === 'max',
);

export const isStatic = (policy: Policy) => policy.batching().holdsFinished;
