import type { TokenSource } from '../../../core/token-source.ts';
import type { Tokens } from '../../../core/units.ts';
import { BlockTokens, blockIds, blockTokens, streamId } from '../tokens.ts';
import type { Arrival } from '../workload.ts';
import type { Fields } from './fields.ts';
import { idList } from './mooncake.ts';
import { rowsReader, type TraceReader } from './reader.ts';

type Row = Readonly<Record<string, unknown>>;

/**
 * Quire's own format, JSON lines; all of `Arrival` in it:
 * - `arrival_s` (ascending), `input_tokens`, `output_tokens` (a number, or a list with an entry a sample);
 * - optional `max_tokens`, `priority`, `beam_width`, `cache_salt`, `lora_id`, `abort_at_s`, `session`;
 * - optional content: `block_ids`, of `block_tokens` (16) tokens each, prompt first; they speak for the first
 *   `known_tokens` positions. Without that number: for the prompt, or if they are more than it needs, for all
 *   the positions they cover.
 *
 * An alias is LLMServingSim's, with `arrival_ns`, `input_toks`, `output_toks` and ids of 16 tokens.
 */
export const quire: TraceReader = rowsReader('field', ({ content }) => {
  let index = 0;
  return (text, fields) => {
    const row = fields.object(text);
    const arrival = row['arrival_ns'] === undefined ? ownRow(row, fields) : servingSimRow(row, fields);
    const stream = streamId('request', index++);
    if (row['block_ids'] === undefined) return arrival;
    const tokens = contentOf(row, arrival.promptTokens, stream, fields);
    return content ? { ...arrival, tokens } : arrival;
  };
});

function ownRow(row: Row, fields: Fields): Arrival {
  const arrival = fields.time(row['arrival_s'], 'arrival_s', 'seconds');
  fields.ascending(arrival, 'arrival_s', arrival);
  const has = (name: string) => row[name] !== undefined;
  const whole = (name: string, min: number) => fields.whole(row[name], name, min);
  const abortAt = has('abort_at_s') ? fields.number(row['abort_at_s'], 'abort_at_s') : undefined;
  if (abortAt !== undefined && abortAt < arrival)
    fields.fail('abort_at_s', 'a time not before arrival_s', abortAt);
  return {
    arrival,
    promptTokens: whole('input_tokens', 1),
    outputTokens: outputsOf(row['output_tokens'], fields),
    ...(has('max_tokens') && { maxTokens: whole('max_tokens', 1) }),
    ...(has('priority') && { priority: fields.number(row['priority'], 'priority') }),
    ...(has('beam_width') && { beamWidth: whole('beam_width', 1) }),
    ...(has('cache_salt') && { cacheSalt: fields.text(row['cache_salt'], 'cache_salt') }),
    ...(has('lora_id') && { loraId: fields.text(row['lora_id'], 'lora_id') }),
    ...(abortAt !== undefined && { abortAt }),
    ...(has('session') && { session: whole('session', 0) }),
  };
}

function outputsOf(value: unknown, fields: Fields): Tokens[] {
  if (!Array.isArray(value)) return [fields.whole(value, 'output_tokens', 1)];
  if (value.length === 0) fields.fail('output_tokens', 'at least one length', value);
  return value.map(length => fields.whole(length, 'output_tokens', 1));
}

function servingSimRow(row: Row, fields: Fields): Arrival {
  const arrival = fields.time(row['arrival_ns'], 'arrival_ns', 'nanoseconds') / 1e9;
  return {
    arrival: fields.ascending(arrival, 'arrival_ns', row['arrival_ns']),
    promptTokens: fields.whole(row['input_toks'], 'input_toks', 1),
    outputTokens: [fields.whole(row['output_toks'], 'output_toks', 1)],
  };
}

function contentOf(row: Row, promptTokens: Tokens, stream: number, fields: Fields): TokenSource {
  const ids = idList(row['block_ids'], 'block_ids', fields);
  const size =
    row['block_tokens'] === undefined ? DEFAULT_BLOCK : fields.whole(row['block_tokens'], 'block_tokens', 1);
  // LLMServingSim's ids are of whole blocks, whether they end with the prompt or after it.
  const isPrompt = ids.length <= Math.ceil(promptTokens / size) && row['arrival_ns'] === undefined;
  const known =
    row['known_tokens'] !== undefined
      ? fields.whole(row['known_tokens'], 'known_tokens', 0)
      : isPrompt
        ? promptTokens
        : ids.length * size;
  return blockTokens(ids, size, known, stream);
}

/**
 * One line of a trace, without line end: `quire` reads the same arrival from it. Content is kept as block
 * ids: those it was made of, else ids for each 16 tokens of prompt and longest answer; a rest of less
 * than 16 tokens becomes unique to the request. What a closed loop would send next is not kept.
 */
export function toQuireTrace(arrival: Arrival): string {
  const { outputTokens } = arrival;
  return JSON.stringify({
    arrival_s: arrival.arrival,
    input_tokens: arrival.promptTokens,
    output_tokens: outputTokens.length === 1 ? outputTokens[0] : outputTokens,
    max_tokens: arrival.maxTokens,
    priority: arrival.priority,
    beam_width: arrival.beamWidth,
    cache_salt: arrival.cacheSalt,
    lora_id: arrival.loraId,
    abort_at_s: arrival.abortAt,
    session: arrival.session,
    ...(arrival.tokens && blocksOf(arrival.tokens, arrival.promptTokens + Math.max(...outputTokens))),
  });
}

function blocksOf(tokens: TokenSource, length: Tokens): Record<string, unknown> {
  if (tokens instanceof BlockTokens) {
    return { block_ids: tokens.ids, block_tokens: tokens.tokensPerId, known_tokens: tokens.knownTokens };
  }
  const ids = blockIds(tokens, length, DEFAULT_BLOCK);
  return { block_ids: ids, block_tokens: DEFAULT_BLOCK, known_tokens: ids.length * DEFAULT_BLOCK };
}

const DEFAULT_BLOCK = 16;
