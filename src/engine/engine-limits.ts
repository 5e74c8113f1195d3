import { UsageError } from '../core/errors.ts';
import { longestRequest } from '../core/memory/longest-request.ts';
import type { Limits, Machine, Policy } from '../core/policies/policy.ts';
import type { Tokens } from '../core/units.ts';

/** What an operator sets over the policy's defaults. */
export type LimitOptions = {
  readonly [K in 'maxNumSeqs' | 'maxNumBatchedTokens' | 'blockSize' | 'maxModelLen']?: number | undefined;
};

/**
 * The policy's limits on this machine, under what the operator asks for. Known before there is a memory: the
 * block size is what it is made of.
 * @throws UsageError for limits that cannot be, or contradict each other.
 */
export function wishedLimits(policy: Policy, machine: Machine, options: LimitOptions): Limits {
  const asked = Object.entries(options).filter(([, value]) => value !== undefined);
  for (const [name, value] of asked) {
    if (Number.isSafeInteger(value) && value! >= 1) continue;
    throw new UsageError(`${name} is ${value}, but must be a whole number from 1 on`);
  }
  const maxModelLen = options.maxModelLen ?? machine.maxModelLen;
  if (maxModelLen > machine.maxModelLen) {
    throw new UsageError(
      `maxModelLen is ${maxModelLen}, but the model was made for a context of ${machine.maxModelLen}: lower it`,
    );
  }
  const limits = { ...policy.limits({ ...machine, maxModelLen }), ...Object.fromEntries(asked) };
  const whole = policy.batching().chunking === 'none';
  if (whole && limits.maxNumBatchedTokens < limits.maxModelLen) {
    throw new UsageError(
      `${policy.name} runs prompts whole: maxNumBatchedTokens ${limits.maxNumBatchedTokens} must be at least ` +
        `maxModelLen (${limits.maxModelLen})`,
    );
  }
  return limits;
}

/**
 * The same, once the KV slots are counted: one request of the longest context fits, or the engine could wait for
 * it for ever (vLLM refuses to start then).
 * @param asked the context that the operator insists on.
 * @throws UsageError when it does not fit.
 */
export function fittedLimits(policy: Policy, limits: Limits, slots: Tokens, asked?: Tokens): Limits {
  const longest = longestRequest(policy.memory, limits, slots);
  if (longest < 1)
    throw new UsageError(`the KV memory holds less than one block of ${limits.blockSize} tokens`);
  if (asked !== undefined && asked > longest) {
    throw new UsageError(
      `maxModelLen ${asked} does not fit: the KV memory of ${slots} slots holds ${longest} tokens of one request ` +
        `under ${policy.name}; lower it, or give more memory`,
    );
  }
  const maxModelLen = Math.min(limits.maxModelLen, longest);
  if (policy.memory.kind !== 'padded') return { ...limits, maxModelLen };
  // Rows are whole blocks on a device: see `RowTables`.
  const rows = Math.max(1, Math.floor(slots / limits.blockSize / 2));
  return { ...limits, maxModelLen, maxNumSeqs: Math.min(limits.maxNumSeqs, rows) };
}
