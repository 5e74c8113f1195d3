import { blockTokens, streamId } from '../tokens.ts';
import type { Fields } from './fields.ts';
import { rowsReader, type TraceReader } from './reader.ts';

/**
 * Mooncake's traces (FAST 2025): JSON lines of `timestamp` (ms), `input_length`, `output_length`, `hash_ids`.
 * An id stands for 512 tokens of prompt, the last one for what is left; answers are unique.
 */
export const mooncake: TraceReader = rowsReader('field', ({ content }) => {
  let index = 0;
  return (text, fields) => {
    const row = fields.object(text);
    const milliseconds = fields.time(row['timestamp'], 'timestamp', 'milliseconds');
    const promptTokens = fields.whole(row['input_length'], 'input_length', 1);
    const ids = idList(row['hash_ids'], 'hash_ids', fields);
    const stream = streamId('request', index++);
    return {
      arrival: fields.ascending(milliseconds / 1000, 'timestamp', milliseconds),
      promptTokens,
      outputTokens: [fields.whole(row['output_length'], 'output_length', 1)],
      ...(content && { tokens: blockTokens(ids, TOKENS_PER_ID, promptTokens, stream) }),
    };
  };
});

/** A list of block ids: whole numbers of at least 0, up to 2⁵³. */
export function idList(value: unknown, name: string, fields: Fields): readonly number[] {
  const isId = (id: unknown) => Number.isSafeInteger(id) && (id as number) >= 0;
  if (Array.isArray(value) && value.every(isId)) return value;
  return fields.fail(name, 'a list of whole numbers of at least 0', value);
}

const TOKENS_PER_ID = 512;
