import { UsageError } from '../../core/errors.ts';
import type { TokenSource } from '../../core/token-source.ts';
import { streamId, uniqueTokens } from '../workload/tokens.ts';
import type { Arrival, Workload } from '../workload/workload.ts';
import type { MeasuredRun } from './measured.ts';

export interface ContentOptions {
  /** Whether the engine looks at contents at all. */
  readonly caching: boolean;
  /** Of the measured run, for messages. */
  readonly fileName: string;
  /** The same requests, in order of arrival, with their contents. */
  readonly trace?: Workload;
}

/** Said where an engine caches prefixes and nobody knows them. */
export const unknownContent =
  'prefix caching is on, and what the prompts share is not known: each is simulated as if it shared nothing; give the ' +
  'same requests with their contents by --content, or, if the server did not cache, --prefix-caching off';

/**
 * What each request of a measured run contains; without a trace each has its own, so that a prefix cache finds
 * it only again. Undefined where nobody looks.
 *
 * @throws UsageError when the trace holds other requests.
 */
export async function contentOf(
  { requests }: MeasuredRun,
  { caching, fileName, trace }: ContentOptions,
): Promise<((request: number) => TokenSource) | undefined> {
  if (!caching) {
    if (trace)
      throw new UsageError(`${trace.name}: contents have no effect on an engine without a prefix cache`);
    return undefined;
  }
  if (!trace) return request => uniqueTokens(streamId('request', request));
  const arrivals: Arrival[] = [];
  for await (const chunk of trace.chunks()) arrivals.push(...chunk);
  const differing = requests.findIndex(({ promptTokens }, i) => arrivals[i]?.promptTokens !== promptTokens);
  if (differing >= 0 || arrivals.length !== requests.length) {
    const where =
      differing >= 0
        ? `request ${differing + 1} has ${requests[differing]!.promptTokens} input tokens in ${fileName}, and ` +
          `${arrivals[differing]?.promptTokens ?? 'none'} in the trace`
        : `the trace has ${arrivals.length} requests, ${fileName} ${requests.length} that were served`;
    throw new UsageError(`${trace.name}: not the requests that were measured: ${where}`);
  }
  return request => arrivals[request]!.tokens!;
}
