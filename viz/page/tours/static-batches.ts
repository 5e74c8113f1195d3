import { duration, percent, plural, whole } from '../../views/words.ts';
import { firstDecision, firstStep, mostOf, timeOfStep } from './moments.ts';
import { pinned } from './preallocation.ts';
import { say, verb } from './say.ts';
import type { Cast, Found, Stage, Tour } from './stop.ts';

const latecomers = { scenario: 'latecomers', a: 'hf-static', view: 'timeline' } as const;

export const staticBatches: Tour = {
  name: 'static',
  title: 'Batches that wait for their longest answer',
  about: 'Answers of 10, 50 and 100 tokens in one batch, and two latecomers: rows held, and a queue.',
  kind: 'problem',
  stops: [
    {
      ...latecomers,
      beside: 'queue',
      title: 'Three requests, one batch',
      moment: 'step that runs a batch',
      find({ a }) {
        const step = firstStep(a, ({ running }, i) => running[i]! > 1);
        return step === undefined ? undefined : { time: timeOfStep(a, step) };
      },
      says({ a }) {
        const { start, request } = a.run.recording.work;
        const ids = [...new Set(request.subarray(start[a.step], start[a.step + 1]))];
        const lengths = ids.map(id => whole(a.request(id).outputTokens));
        return say`${plural(ids.length, 'request')} ${verb(ids.length, 'is', 'are')} in the batch, and will be answered with ${lengths.join(', ')} tokens; the server cannot know. Each step computes a token for each: this one takes ${duration(a.seconds)}. Nobody joins and nobody leaves before the longest is done.`;
      },
    },
    {
      ...latecomers,
      beside: 'memory-map',
      title: 'Done, and still there',
      moment: 'step at which a row is held',
      find({ a }) {
        const step = firstStep(a, ({ held }, i) => held[i]! > 0);
        if (step === undefined) return undefined;
        const { start, kind, request } = a.recording.work;
        const row = kind.subarray(start[step], start[step + 1]).indexOf(2);
        const pin = { kind: 'request', request: request[start[step]! + row]! } as const;
        return { time: timeOfStep(a, step), pin: { side: 'a', pin } };
      },
      says(stage) {
        const { a, found } = stage;
        const request = pinned(found);
        const { id, outputTokens, finished, arrival } = a.request(request);
        return say`Request #${id} had its ${plural(outputTokens, 'token')} after ${duration(a.lastToken(request) - arrival)}; its client gets them with the whole batch, after ${duration(finished - arrival)}. ${heldWords(stage)}`;
      },
    },
    {
      ...latecomers,
      beside: 'memory-over-time',
      title: 'Somebody comes, and waits beside free memory',
      moment: 'request that finds the batch running',
      find: findLatecomer,
      says({ a, found }) {
        const { id, arrival, promptTokens } = a.request(pinned(found));
        const blocked = a.latest('blocked', pinned(found));
        const why = blocked ? say` Why: “${blocked.reason}”.` : undefined;
        return say`Request #${id} came after ${duration(arrival)} with ${plural(promptTokens, 'token')}. ${percent(a.ofMemory('free'))} of the memory is free, ${plural(a.held, 'row')} of the batch ${verb(a.held, 'does', 'do')} nothing, and ${plural(a.waiting, 'request')} ${verb(a.waiting, 'waits', 'wait')}.${why}`;
      },
    },
    {
      ...latecomers,
      beside: 'memory-map',
      title: 'The last one holds the others',
      moment: 'step at which a row is held',
      find({ a }) {
        const step = mostOf(a, ({ held }, i) => held[i]!);
        if (step === undefined) return undefined;
        const last = firstStep(a, ({ held }, i) => held[i]! < a.recording.steps.held[step]!, step);
        // In the middle of that stretch.
        return { time: timeOfStep(a, Math.floor((step + (last ?? a.recording.steps.count)) / 2)) };
      },
      says(stage) {
        const { a } = stage;
        return say`${heldWords(stage)} ${plural(a.waiting, 'request')} ${verb(a.waiting, 'waits', 'wait')} for ${plural(a.running, 'answer')} to end, a token in ${duration(a.seconds)}.`;
      },
    },
    {
      ...latecomers,
      beside: 'queue',
      title: 'At last',
      moment: 'latecomer who gets in',
      find(cast) {
        const { a } = cast;
        const late = findLatecomer(cast);
        const pin = late && pinned(late);
        const first =
          pin === undefined ? undefined : firstDecision(a, 'admitted', ({ request }) => request === pin);
        return first && { ...late!, time: timeOfStep(a, first.decision.step) };
      },
      says({ a, found }) {
        const { id, arrival, admitted, finished, outputTokens } = a.request(pinned(found));
        return say`Request #${id} waited ${duration(admitted - arrival)} for a batch that it was no part of. Its own ${plural(outputTokens, 'token')} then take ${duration(finished - admitted)}. The whole run ends after ${duration(a.run.end)}.`;
      },
    },
    {
      ...latecomers,
      b: 'vllm',
      beside: 'memory-map',
      title: 'The same five requests, side by side',
      moment: 'request that finds the batch running',
      find: findLatecomer,
      says({ a, b, found }) {
        const request = a.request(pinned(found));
        const other = b!.run.recording.requests.find(({ id }) => id === request.id)!;
        const waits = ({ admitted, arrival }: typeof other) => duration(admitted - arrival);
        return say`Under ${a.policy} request #${request.id} waits ${waits(request)}, under ${b!.policy} no longer than ${waits(other)}: the next step takes it in. The last answer is there after ${duration(a.run.end)} and ${duration(b!.run.end)}: ${(b!.run.summary.throughput / a.run.summary.throughput).toFixed(1)} times the rate, on the same GPU.`;
      },
    },
  ],
};

/** The first request that was told to wait for the batch, when it had come. */
function findLatecomer({ a }: Cast): Found | undefined {
  const first = firstDecision(a, 'blocked');
  if (!first) return undefined;
  const { request, step } = first.decision;
  // A few steps on, so that its lane shows that it waits.
  const held = firstStep(a, ({ held }, i) => held[i]! > 0, step) ?? step;
  return { time: timeOfStep(a, held), pin: { side: 'a', pin: { kind: 'request', request } } };
}

/** What the ended rows at a step cost. */
export function heldWords({ a }: Pick<Stage, 'a'>) {
  if (a.held === 0) return say`At this step the batch holds no ended row.`;
  const all = a.ownedSlots();
  const share = all > 0 ? a.ownedSlots(a.heldRequests) / all : 0;
  return say`${a.held} of ${plural(a.held + a.running, 'row')} ${verb(a.held, 'is', 'are')} held: ${verb(a.held, 'it has ended, keeps', 'they have ended, keep')} ${percent(share)} of the batch’s slots, and ${verb(a.held, 'computes', 'compute')} nothing.`;
}
