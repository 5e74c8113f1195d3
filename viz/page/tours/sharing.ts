import { duration, percent, plural, whole } from '../../views/words.ts';
import type { Run } from '../run.ts';
import { firstDecision, firstStep, mostOf, timeOfStep } from './moments.ts';
import { pinned } from './preallocation.ts';
import { say, verb } from './say.ts';
import type { Sight } from './sight.ts';
import type { Found, Tour } from './stop.ts';

const prefixes = { scenario: 'prefixes', a: 'vllm' } as const;
const samples = { scenario: 'samples', a: 'vllm' } as const;

export const sharing: Tour = {
  name: 'sharing',
  title: 'Sharing prefixes, copying on write',
  about: 'One block in many block tables: system prompts that are computed once, samples that fork.',
  kind: 'answer',
  stops: [
    {
      ...prefixes,
      view: 'sharing',
      beside: 'memory-map',
      title: 'One block, many tables',
      moment: 'step at which many run',
      find: ({ a }) =>
        at(
          a,
          mostOf(a, ({ running }, i) => running[i]!),
        ),
      says: ({ a }) => savedWords(a),
    },
    {
      ...prefixes,
      view: 'timeline',
      beside: 'sharing',
      title: 'Found, not computed',
      moment: 'request whose prompt is in the cache',
      find({ a }) {
        const first = firstDecision(
          a,
          'admitted',
          ({ request }) => a.recording.requests[request]!.cachedTokens > 0,
        );
        if (!first) return undefined;
        const { request, step } = first.decision;
        return { ...at(a, step)!, pin: { side: 'a', pin: { kind: 'request', request } } };
      },
      says({ a, found }) {
        const { id, promptTokens, cachedTokens, firstToken, arrival } = a.request(pinned(found));
        const hits = a.run.recording.requests.filter(request => request.cachedTokens > 0).length;
        return say`Of the ${plural(promptTokens, 'token')} that request #${id} brings, ${whole(cachedTokens)} are there already: another prompt began alike. Only ${plural(promptTokens - cachedTokens, 'token')} ${verb(promptTokens - cachedTokens, 'is', 'are')} computed, and its first token is there after ${duration(firstToken - arrival)}. In the whole run ${hits} of ${plural(a.run.recording.requests.length, 'request')} find something.`;
      },
    },
    {
      ...prefixes,
      view: 'memory-map',
      beside: 'memory-over-time',
      title: 'Kept when all have left',
      moment: 'step with cached blocks that nobody holds',
      find: ({ a }) =>
        at(
          a,
          mostOf(a, ({ usage }, i) => usage.cached[i]!),
        ),
      says({ a }) {
        return say`${percent(a.ofMemory('cached'))} of the memory is free and still holds KV that can be found again (hatched grey): a request that begins alike takes it back. It costs nobody anything: when a block is needed, a cached one is given out; ${percent(a.ofMemory('free'))} is empty besides.`;
      },
    },
    {
      scenario: 'prefixes',
      a: 'vllm-v0',
      b: 'vllm',
      view: 'memory-over-time',
      beside: 'queue',
      title: 'With the cache, and without',
      moment: 'step at which many run',
      find: ({ a }) =>
        at(
          a,
          mostOf(a, ({ running, waiting }, i) => running[i]! + waiting[i]!),
        ),
      says({ a, b }) {
        const of = ({ policy, run }: Sight) =>
          say`${policy} computes ${plural(prefill(run), 'prompt token')}, half of the first tokens are there within ${duration(ttft(run))}`;
        return say`${of(a)}; ${of(b!)}. At this time ${a.waiting} and ${b!.waiting} requests wait.`;
      },
    },
    {
      ...samples,
      view: 'sharing',
      beside: 'memory-map',
      title: 'Samples fork',
      moment: 'request with several samples',
      find({ a }) {
        const first = firstDecision(a, 'forked');
        if (!first) return undefined;
        // Some steps on the samples have gone their own ways.
        const { step, request } = first.decision;
        const later = Math.min(step + 6, a.recording.steps.count - 1);
        return { ...at(a, later)!, pin: { side: 'a', pin: { kind: 'request', request } } };
      },
      says({ a, found }) {
        const request = pinned(found);
        const { id, width, promptTokens } = a.request(request);
        const tables = a.run.replay
          .sequencesAt(request, a.step)
          .map(sequence => a.run.replay.tableAt(request, sequence, a.step));
        if (tables.length === 0) return say`At this step request #${id} holds no memory.`;
        const common = tables[0]!.filter((block, i) => tables.every(table => table[i] === block)).length;
        const { size } = new Set(tables.flat());
        const entries = tables.reduce((sum, table) => sum + table.length, 0);
        return say`Request #${id} wants ${plural(width, 'sample')} of one prompt of ${plural(promptTokens, 'token')}, which is computed once. Its ${plural(tables.length, 'block table')} ${verb(tables.length, 'has', 'have')} ${plural(common, 'block')} in common: ${whole(size)} blocks in place of ${whole(entries)}.`;
      },
    },
    {
      ...samples,
      view: 'sharing',
      beside: 'memory-map',
      title: 'Copied when it is written',
      moment: 'copy of a shared block',
      find({ a }) {
        const first = firstDecision(a, 'copied');
        if (!first) return undefined;
        const { step, request } = first.decision;
        return { ...at(a, step)!, pin: { side: 'a', pin: { kind: 'request', request } } };
      },
      says({ a }) {
        const last = a.latest('copied');
        if (!last) return say`Up to this step no block was copied.`;
        const { blockSize } = a.run.recording.memory;
        const { id, promptTokens } = a.request(last.request);
        const all = a.run.recording.decisions.filter(({ type }) => type === 'copied').length;
        return say`The last block of request #${id}’s prompt holds ${promptTokens % blockSize || blockSize} of ${blockSize} tokens. Samples that write into it would spoil it for the others: “${last.reason}”. Full blocks are never written again, and stay shared. In the whole run ${plural(all, 'block')} ${verb(all, 'is', 'are')} copied.`;
      },
    },
    {
      scenario: 'samples',
      a: 'orca-oracle',
      b: 'vllm',
      view: 'memory-map',
      beside: 'memory-over-time',
      title: 'A prompt for all, or one each',
      moment: 'step at which both are busy',
      find({ a, b }) {
        const step = b && firstStep(b, ({ running }, i) => running[i]! > 3);
        return step === undefined ? at(a, 0) : at(b!, step);
      },
      says({ a, b }) {
        const of = ({ policy, claimed, running }: Sight) =>
          say`${policy} has claimed ${plural(claimed, 'slot')} for ${plural(running, 'request')}`;
        return say`At this time ${of(a)}, ${of(b!)}. ${savedWords(b!)} It serves ${(b!.run.summary.throughput / a.run.summary.throughput).toFixed(2)} times the rate.`;
      },
    },
  ],
};

/** What block tables share at a step. */
function savedWords(sight: Sight) {
  const { blocks, entries, most } = sight.shared;
  if (entries === blocks) return say`At this step no two block tables share a block.`;
  return say`Block tables of ${plural(sight.running, 'request')} name ${whole(entries)} blocks, but there are only ${whole(blocks)}: ${percent(1 - blocks / entries)} saved. One block is in ${plural(most, 'table')} at once.`;
}

function at(run: Run, step: number | undefined): Found | undefined {
  return step === undefined ? undefined : { time: timeOfStep(run, step) };
}

function prefill({ recording: { steps } }: Run): number {
  let sum = 0;
  for (const tokens of steps.prefillTokens) sum += tokens;
  return sum;
}

const ttft = (run: Run) => run.latencies([Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]).ttft.p50;
