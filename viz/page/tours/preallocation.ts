import { duration, percent, plural, whole } from '../../views/words.ts';
import { firstDecision, mostOf, timeOfStep } from './moments.ts';
import { say, verb } from './say.ts';
import type { Sight } from './sight.ts';
import type { Found, Stage, Tour } from './stop.ts';

const reserves = { scenario: 'pressure', a: 'orca-max' } as const;

export const preallocation: Tour = {
  name: 'preallocation',
  title: 'Memory set aside for answers that never come',
  about: 'Who reserves for the longest possible answer wastes most of the memory, and the queue grows.',
  kind: 'problem',
  stops: [
    {
      ...reserves,
      title: 'A place for the longest answer there could be',
      view: 'memory-map',
      beside: 'timeline',
      moment: 'request that was admitted',
      find({ a }) {
        const first = firstDecision(a, 'admitted');
        if (!first) return undefined;
        const { request, step } = first.decision;
        return { time: timeOfStep(a, step), pin: { side: 'a', pin: { kind: 'request', request } } };
      },
      says({ a, found }) {
        const request = pinned(found);
        const { id, promptTokens, outputTokens, maxTokens } = a.request(request);
        const slots = a.ownedSlots(new Set([request]));
        if (slots === 0) return say`At this step request #${id} holds no memory.`;
        const needed = promptTokens + outputTokens - 1;
        return say`Request #${id} brings ${plural(promptTokens, 'token')} and may get up to ${whole(maxTokens)} more. Nobody knows how many, so ${a.policy} sets aside ${plural(slots, 'slot')} at once. Its answer will end after ${plural(outputTokens, 'token')}: ${percent(1 - needed / slots)} of its place is for nothing.`;
      },
    },
    {
      ...reserves,
      title: 'Claimed, and empty',
      view: 'memory-over-time',
      beside: 'memory-map',
      moment: 'step with slots that are never filled',
      find({ a }) {
        const step = mostOf(a, ({ usage }, i) => usage.internal[i]!);
        return step === undefined ? undefined : { time: timeOfStep(a, step) };
      },
      says({ a }) {
        if (a.claimed === 0) return say`At this step nobody claims memory.`;
        return say`Of the ${plural(a.claimed, 'slot')} that are claimed here, ${percent(a.ofClaimed('token'))} hold a token. ${percent(a.ofClaimed('reserved'))} wait for tokens to come. ${percent(a.ofClaimed('internal'))} will never hold one: the answers end before.`;
      },
    },
    {
      ...reserves,
      title: 'So the queue grows',
      view: 'queue',
      beside: 'memory-map',
      moment: 'step at which somebody waits',
      find({ a }) {
        const step = mostOf(a, ({ waiting }, i) => waiting[i]!);
        return step === undefined ? undefined : { time: timeOfStep(a, step) };
      },
      says({ a }) {
        const counts = say`${plural(a.running, 'request')} ${verb(a.running, 'runs', 'run')}, and ${plural(a.waiting, 'request')} ${verb(a.waiting, 'waits', 'wait')}, though only ${percent(a.ofMemory('token'))} of the memory holds tokens.`;
        return say`${counts}${whyBlocked(a)}`;
      },
    },
    {
      scenario: 'pressure',
      a: 'orca-oracle',
      title: 'Even who knows every length loses: holes',
      view: 'memory-map',
      beside: 'memory-over-time',
      moment: 'step with free memory that is of no use',
      find({ a }) {
        const step = mostOf(a, ({ usage }, i) => usage.external[i]!);
        return step === undefined ? undefined : { time: timeOfStep(a, step) };
      },
      says({ a }) {
        const { count, together } = a.freeBlocks;
        const { blockSize, capacity } = a.run.recording.memory;
        const rounding = Math.max(0, a.slots('external') - count * blockSize) / capacity;
        if (a.slots('external') === 0) return say`At this step no free memory is useless.`;
        return say`${a.policy} is told how long each answer will be. Still ${percent(a.ofMemory('external'))} of the memory can be given to nobody: ${plural(count, 'block')} ${verb(count, 'lies', 'lie')} free, at most ${whole(together)} side by side, and ${percent(rounding)} is the allocator’s rounding up.${whyBlocked(a)}`;
      },
    },
    {
      scenario: 'pressure',
      a: 'orca-max',
      b: 'orca-oracle',
      title: 'What both come to',
      view: 'memory-over-time',
      beside: 'queue',
      moment: 'step',
      find: ({ a }) => ({ time: a.start + (a.end - a.start) * 0.3 }),
      says({ a, b }) {
        const of = ({ policy, run: { summary, end } }: Sight) =>
          say`Under ${policy} tokens fill ${percent(summary.tokens)} of the memory, ${summary.meanBatch.toFixed(1)} requests run at a time, and the last answer is there after ${duration(end)}.`;
        return say`${of(a)} ${of(b!)} Both set aside what is only needed later, or never.`;
      },
    },
  ],
};

/** The request that a stop has pinned. */
export function pinned({ pin }: Found): number {
  if (pin?.pin.kind !== 'request') throw new Error('this stop pins no request');
  return pin.pin.request;
}

/** Why the head of the queue stayed out, the last time. */
export function whyBlocked(sight: Stage['a']) {
  const blocked = sight.waiting > 0 ? sight.latest('blocked') : undefined;
  if (!blocked) return undefined;
  return say` Why request #${sight.request(blocked.request).id} stays out: “${blocked.reason}”.`;
}
