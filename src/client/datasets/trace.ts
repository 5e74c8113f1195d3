import { streamId, uniqueTokens } from '../../sim/workload/tokens.ts';
import type { Workload } from '../../sim/workload/workload.ts';
import type { SampleRequest, Samples } from '../sample-request.ts';

/** The requests of a trace, at their times and with what it knows of their content. */
export async function traceSamples(trace: Workload): Promise<Samples> {
  const requests: SampleRequest[] = [];
  let several = 0;
  for await (const chunk of trace.chunks()) {
    for (const arrival of chunk) {
      if (arrival.outputTokens.length > 1) several++;
      requests.push({
        promptTokens: arrival.promptTokens,
        outputTokens: Math.max(...arrival.outputTokens),
        content: arrival.tokens ?? uniqueTokens(streamId('request', requests.length)),
        timestamp: arrival.arrival,
        overrides: {
          ...(arrival.priority !== undefined && { priority: arrival.priority }),
          ...(arrival.cacheSalt !== undefined && { cache_salt: arrival.cacheSalt }),
        },
      });
    }
  }
  const notes = [...(trace.notes ?? [])];
  if (several > 0)
    notes.push(`${trace.name}: ${several} requests ask for several answers; one of each is sent for`);
  return { requests, notes };
}
