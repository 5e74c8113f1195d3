import { duration, percent, plural, whole } from '../../views/words.ts';
import type { Run } from '../run.ts';
import { firstDecision, firstStep, mostOf, timeOfStep } from './moments.ts';
import { pinned } from './preallocation.ts';
import { say } from './say.ts';
import { pieces, Sight } from './sight.ts';
import type { Cast, Found, Tour } from './stop.ts';

const paged = { scenario: 'pressure', a: 'vllm', view: 'memory-map' } as const;
const both = { scenario: 'pressure', a: 'orca-max', b: 'vllm' } as const;

export const paging: Tour = {
  name: 'paging',
  title: 'Paging: memory a block at a time',
  about:
    'Blocks wherever one is free, as tokens come: hardly any waste, more requests at once, and what it costs.',
  kind: 'answer',
  stops: [
    {
      ...paged,
      beside: 'timeline',
      title: 'A block when it is needed',
      moment: 'step at which three requests decode',
      find({ a }) {
        const step = firstStep(
          a,
          ({ running, prefillTokens }, i) => running[i]! > 2 && prefillTokens[i] === 0,
        );
        return step === undefined ? undefined : scattered(a, step);
      },
      says({ a, found }) {
        const request = pinned(found);
        const { id, maxTokens } = a.request(request);
        const table = a.table(request);
        if (table.length === 0) return say`At this step request #${id} holds no memory.`;
        const { blockSize } = a.run.recording.memory;
        const { filled } = a.run.replay.stateAt(a.step);
        const tokens = table.reduce((sum, block) => sum + filled[block]!, 0);
        return say`Request #${id} has KV of ${plural(tokens, 'token')}: ${plural(table.length, 'block')} of ${blockSize} slots. Only the last has room to spare, ${plural(table.length * blockSize - tokens, 'slot')}. Nothing is set aside for the ${whole(maxTokens)} tokens that it may get: when the last block is full, it is given another.`;
      },
    },
    {
      ...paged,
      beside: 'memory-over-time',
      title: 'Wherever one is free',
      moment: 'step at which many run',
      find({ a }) {
        const step = mostOf(a, ({ running }, i) => running[i]!);
        return step === undefined ? undefined : scattered(a, step);
      },
      says({ a, found }) {
        const { id } = a.request(pinned(found));
        const table = a.table(pinned(found));
        if (table.length === 0) return say`At this step request #${id} holds no memory.`;
        const first = table.slice(0, 4).map(whole).join(', ');
        return say`The ${plural(table.length, 'block')} of request #${id} (outlined) lie in ${plural(pieces(table), 'place')}: its block table begins ${first}. No hole is too small for a block, so nothing is lost between requests: external waste is ${percent(a.ofMemory('external'))}.`;
      },
    },
    {
      ...both,
      view: 'memory-over-time',
      beside: 'memory-map',
      title: 'What is left of the waste',
      moment: 'step at which many run',
      find: atFullest,
      says({ a, b }) {
        const of = (sight: Sight) => percent(1 - sight.ofClaimed('token'));
        const rest = b!.slots('reserved', 'internal', 'external');
        return say`Of the slots that ${a.policy} has claimed here, ${of(a)} hold no token; under ${b!.policy} it is ${of(b!)}: ${plural(rest, 'slot')}, the ends of the last blocks of ${plural(b!.running, 'request')}.`;
      },
    },
    {
      ...both,
      view: 'queue',
      beside: 'timeline',
      title: 'More requests at once',
      moment: 'step at which many run',
      find: atFullest,
      says({ a, b }) {
        const of = ({ policy, running, waiting }: Sight) =>
          say`${policy} runs ${running} and lets ${waiting} wait`;
        return say`The same memory, the same requests, the same moment: ${of(a)}, ${of(b!)}. Over the whole run ${a.run.summary.meanBatch.toFixed(1)} and ${b!.run.summary.meanBatch.toFixed(1)} run at a time, and ${b!.policy} serves ${(b!.run.summary.throughput / a.run.summary.throughput).toFixed(1)} times the rate.`;
      },
    },
    {
      ...paged,
      view: 'timeline',
      beside: 'memory-over-time',
      title: 'When it runs out',
      moment: 'preemption',
      find({ a }) {
        const first = firstDecision(a, 'preempted');
        if (!first) return undefined;
        const pin = { kind: 'request', request: first.decision.request } as const;
        return { time: timeOfStep(a, first.decision.step), pin: { side: 'a', pin } };
      },
      says({ a }) {
        const { preemptions } = a.run.summary;
        const last = a.latest('preempted');
        const which = last
          ? say`Nothing was set aside, so memory can run out. Request #${a.request(last.request).id} had to give way after ${duration(last.time)}: “${last.reason}”.`
          : say`Nothing was set aside, so memory can run out; up to this step it has not.`;
        return say`${which} In the whole run that happens ${plural(preemptions, 'time')}, and ${percent(recomputed(a.run))} of all prompt work is work done again.`;
      },
    },
    {
      ...both,
      view: 'timeline',
      beside: 'memory-over-time',
      title: 'All in all',
      moment: 'step',
      find: ({ a }) => ({ time: a.start + (a.end - a.start) * 0.3 }),
      says({ a, b }) {
        const of = ({ policy, run: { summary, end } }: Sight) =>
          say`${policy}: the last answer after ${duration(end)}, ${percent(summary.waste)} of the claimed memory without a token`;
        return say`${of(a)}. ${of(b!)}. Of the whole memory, tokens fill ${percent(a.run.summary.tokens)} and ${percent(b!.run.summary.tokens)}.`;
      },
    },
  ],
};

/** The request whose blocks lie in most places at a step. */
function scattered(run: Run, step: number): Found {
  const time = timeOfStep(run, step);
  const sight = new Sight(run, time);
  const { start, request } = run.recording.work;
  const running = [...new Set(request.subarray(start[step], start[step + 1]))];
  const places = (of: number) => pieces(sight.table(of));
  const most = running.reduce((best, one) => (places(one) > places(best) ? one : best));
  return { time, pin: { side: 'a', pin: { kind: 'request', request: most } } };
}

/** When the second pane runs most at once, and its last prompts are computed. */
function atFullest({ b }: Cast): Found | undefined {
  const step = b && mostOf(b, ({ running }, i) => running[i]!);
  return step === undefined ? undefined : { time: timeOfStep(b!, step) };
}

/** Share of the prompt work that was done before, and lost. */
function recomputed({ recording: { requests, steps } }: Run): number {
  let all = 0;
  for (const tokens of steps.prefillTokens) all += tokens;
  const once = requests.reduce(
    (sum, { promptTokens, cachedTokens, admitted }) =>
      sum + (Number.isNaN(admitted) ? 0 : promptTokens - cachedTokens),
    0,
  );
  return all > 0 ? Math.max(0, 1 - once / all) : 0;
}
