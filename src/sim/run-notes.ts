import type { Measured } from './compare-runs.ts';
import { tiers } from './cost/terms.ts';
import type { EngineSetup } from './engine-setup.ts';
import type { Model } from './models/model.ts';

/** What the user should know of the runs of a policy. */
export function notesOf(setup: EngineSetup, runs: readonly Measured[], model: Model): string[] {
  const notes: string[] = [];
  const { maxModelLen } = setup.limits;
  if (maxModelLen < model.maxModelLen)
    notes.push(`context ${maxModelLen} tokens (the model has ${model.maxModelLen})`);
  const inRuns = runs.length > 1 ? ` in ${runs.length} runs` : '';
  const total = (figure: 'failed' | 'truncated' | 'aborted') =>
    runs.reduce((sum, run) => sum + run.result[figure], 0);
  if (total('failed') > 0) {
    const first = runs.find(run => run.metrics.rejectedFor)!.metrics.rejectedFor;
    notes.push(`${total('failed')} requests rejected (the first: ${first})${inRuns}`);
  }
  if (total('aborted') > 0) notes.push(`${total('aborted')} clients hung up${inRuns}`);
  if (total('truncated') > 0)
    notes.push(`${total('truncated')} answers cut short${inRuns} by max_tokens or the context`);
  const { kernels } = setup.cost.options;
  if (kernels) {
    const { basis } = runs[0]!.result.cost;
    const shares = tiers.map(tier => `${(basis[tier] * 100).toFixed(1)} % ${tier}`);
    notes.push(`of the step time ${shares.join(', ')} (${kernels.source})`);
  }
  return notes;
}

/** What holds for several policies is said once. */
export function mergeNotes(
  notes: readonly (readonly [policy: string, texts: readonly string[]])[],
): string[] {
  const byText = new Map<string, string[]>();
  for (const [policy, texts] of notes) {
    for (const text of texts) byText.set(text, [...(byText.get(text) ?? []), policy]);
  }
  return [...byText].map(([text, names]) => `${names.join(', ')}: ${text}`);
}
