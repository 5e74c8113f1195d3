import { UsageError } from '../../../core/errors.ts';
import { invariant } from '../../../core/invariant.ts';
import { checkNumber, checkWhole } from '../../checks.ts';
import { streamId, uniqueTokens } from '../tokens.ts';
import type { Arrival, Workload } from '../workload.ts';
import { azure, isAzureHeader, isUntimed } from './azure.ts';
import { burstGpt, isBurstGptHeader } from './burstgpt.ts';
import { shown } from './fields.ts';
import { mooncake } from './mooncake.ts';
import { type Peeked, peek } from './peek.ts';
import { quire } from './quire.ts';
import type { TraceReader } from './reader.ts';
import { vllmBench } from './vllm-bench.ts';

export interface TraceOptions {
  /** Name for messages and for the workload; says nothing about the format. */
  readonly fileName: string;
  /** Only the first so many requests. */
  readonly limit?: number;
  /** Multiplies all times: 0.5 doubles the rate. Default 1. */
  readonly timeScale?: number;
  /** Whether requests say what they contain; where the trace does not know, nobody shares it. */
  readonly content: boolean;
}

export interface TraceWorkload extends Workload {
  readonly format: TraceFormat;
  /** Rows left out on purpose (failed requests) in the latest reading, so far. */
  readonly skipped: number;
}

export type TraceFormat = 'azure' | 'burstgpt' | 'mooncake' | 'quire' | 'vllm-bench';

/** The bytes of a trace, or a function that opens them: only then can the trace be read more than once. */
export type TraceBytes = AsyncIterable<Uint8Array> | (() => AsyncIterable<Uint8Array>);

const READERS: Readonly<Record<TraceFormat, TraceReader>> = {
  azure,
  burstgpt: burstGpt,
  mooncake,
  quire,
  'vllm-bench': vllmBench,
};

/**
 * Finds the format by how the text begins, and reads it as a workload, in bounded memory.
 *
 * @throws UsageError when the format is unknown or the options are impossible; and, from `chunks()`, at the
 *   first wrong row, or when there is no request.
 */
export async function openTrace(bytes: TraceBytes, options: TraceOptions): Promise<TraceWorkload> {
  const { fileName, content, limit = Number.POSITIVE_INFINITY, timeScale } = options;
  if (options.limit !== undefined) checkWhole('limit', limit, 1);
  if (timeScale !== undefined) checkNumber('timeScale', timeScale);
  let opened: Peeked | undefined = await peek(typeof bytes === 'function' ? bytes() : bytes, fileName);
  let format: TraceFormat;
  try {
    format = detect(opened.beginning, fileName);
  } catch (error) {
    await opened.close();
    throw error;
  }
  let skipped = 0;
  const untimed = format === 'azure' && isUntimed(headerOf(opened.beginning));
  return {
    name: fileName,
    format,
    get skipped() {
      return skipped;
    },
    get notes() {
      return [
        ...(untimed ? [`${fileName}: no arrival times, so all requests arrive at once`] : []),
        ...(skipped > 0 ? [`${fileName}: ${skipped} rows of failed requests left out`] : []),
      ];
    },
    chunks() {
      invariant(opened || typeof bytes === 'function', () => `${fileName}: a stream can be read once only`);
      const all = opened ? opened.bytes : (bytes as () => AsyncIterable<Uint8Array>)();
      opened = undefined;
      skipped = 0;
      const skip = () => {
        skipped++;
      };
      const input = { file: fileName, bytes: all, content, limit, skip };
      return finished(READERS[format](input), options);
    },
  };
}

/** Applies the options that are the same for every format. */
async function* finished(
  chunks: AsyncIterable<Arrival[]>,
  { fileName, timeScale = 1, content }: TraceOptions,
): AsyncGenerator<readonly Arrival[], void, undefined> {
  let count = 0;
  for await (const chunk of chunks) {
    const first = count;
    count += chunk.length;
    if (timeScale === 1 && !content) {
      yield chunk;
      continue;
    }
    const last = chunk.at(-1)!.arrival * timeScale;
    if (!Number.isFinite(last)) {
      throw new UsageError(`${fileName}: time_scale ${timeScale} makes arrival times larger than numbers go`);
    }
    yield chunk.map((arrival, i) => ({
      ...arrival,
      arrival: arrival.arrival * timeScale,
      ...(arrival.abortAt !== undefined && { abortAt: arrival.abortAt * timeScale }),
      ...(content && { tokens: arrival.tokens ?? uniqueTokens(streamId('request', first + i)) }),
    }));
  }
  if (count === 0) throw new UsageError(`${fileName}: the trace holds no requests`);
}

/** @param beginning the first line, or more if that is short. */
function detect(beginning: string, file: string): TraceFormat {
  if (beginning.trim() === '') throw new UsageError(`${file}: the trace holds no requests`);
  if (beginning.trimStart().startsWith('{')) {
    if (beginning.includes('"input_lens"')) return 'vllm-bench';
    const keys = keysOf(headerOf(beginning));
    const has = (name: string) => keys.includes(name);
    if (has('input_length') || has('hash_ids')) return 'mooncake';
    if (has('input_tokens') || has('arrival_s') || has('arrival_ns')) return 'quire';
    if (beginning.includes('"request_throughput"')) {
      throw new UsageError(
        `${file}: a result of vllm bench serve without lengths; save it with --save-detailed`,
      );
    }
  } else {
    const header = headerOf(beginning);
    if (isBurstGptHeader(header)) return 'burstgpt';
    if (isAzureHeader(header)) return 'azure';
  }
  throw new UsageError(
    `${file}: not a trace that Quire knows; it begins ${shown(beginning.trim())}. ${KNOWN}`,
  );
}

/** Keys of an object in JSON; none if the text is something else, or not whole. */
function keysOf(line: string): string[] {
  try {
    return Object.keys(JSON.parse(line));
  } catch {
    return [];
  }
}

function headerOf(beginning: string): string {
  return beginning.split(/\r?\n/).find(line => line.trim() !== '')!;
}

const KNOWN = [
  'Known are: azure (CSV with the columns TIMESTAMP,ContextTokens,GeneratedTokens,',
  'or arrival_s,input_tokens,output_tokens, or num_prefill_tokens,num_decode_tokens,arrived_at),',
  'burstgpt (CSV with Timestamp,Request tokens,Response tokens),',
  'mooncake (JSON lines with timestamp,input_length,output_length,hash_ids),',
  'quire (JSON lines with arrival_s,input_tokens,output_tokens),',
  'vllm-bench (JSON of vllm bench serve --save-detailed).',
].join(' ');
