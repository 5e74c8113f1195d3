import { join } from 'node:path';
import { z } from 'zod';
import { readJsonIfThere } from '../backends/model/files.ts';
import { UsageError } from '../core/errors.ts';
import type { Tokens } from '../core/units.ts';

/** Of `generation_config.json`, what vLLM takes from it. */
const schema = z.object({
  temperature: z.number().nonnegative().nullish(),
  top_p: z.number().gt(0).lte(1).nullish(),
  top_k: z.int().nullish(),
  min_p: z.number().nonnegative().nullish(),
  repetition_penalty: z.number().positive().nullish(),
  max_new_tokens: z.int().positive().nullish(),
});

/** How a model wants to be sampled where the client does not say. */
export interface GenerationDefaults {
  readonly temperature?: number | undefined;
  readonly topP?: number | undefined;
  readonly topK?: number | undefined;
  readonly minP?: number | undefined;
  readonly repetitionPenalty?: number | undefined;
  /** A limit, too: no client gets more (as in vLLM). */
  readonly maxTokens?: Tokens | undefined;
}

/** Of the model in a folder. @throws UsageError when its `generation_config.json` says what cannot be. */
export async function readGenerationDefaults(folder: string): Promise<GenerationDefaults> {
  const path = join(folder, 'generation_config.json');
  const parsed = schema.safeParse((await readJsonIfThere(path)) ?? {});
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new UsageError(`${path}: ${issue!.path.join('.')}: ${issue!.message}`);
  }
  const { temperature, top_p, top_k, min_p, repetition_penalty, max_new_tokens } = parsed.data;
  return {
    temperature: temperature ?? undefined,
    topP: top_p ?? undefined,
    topK: top_k ?? undefined,
    minP: min_p ?? undefined,
    repetitionPenalty: repetition_penalty ?? undefined,
    maxTokens: max_new_tokens ?? undefined,
  };
}
