import { z } from 'zod';
import { count, generationFields } from './request-fields.ts';

/** `/v1/completions`. The prompt is read by `readPrompts`: it may be very long, and of four kinds. */
export const completionRequest = z.object({
  ...generationFields,
  prompt: z.unknown().optional(),
  logprobs: count.nullish().transform(value => value ?? undefined),
});

export type CompletionRequest = z.infer<typeof completionRequest>;
