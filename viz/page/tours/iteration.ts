import { duration, plural, whole } from '../../views/words.ts';
import type { Run } from '../run.ts';
import { firstDecision, firstStep, mostOf, timeOfStep } from './moments.ts';
import { say, verb } from './say.ts';
import type { Sight } from './sight.ts';
import type { Cast, Found, Tour } from './stop.ts';

const five = { scenario: 'latecomers', a: 'vllm', view: 'timeline' } as const;
const chat = { scenario: 'chat', a: 'deepspeed-static', b: 'vllm' } as const;
const mixed = { scenario: 'burst', config: { request_rate: 4 } } as const;

export const iteration: Tour = {
  name: 'iteration',
  title: 'Scheduling each iteration anew',
  about:
    'Who is done leaves after a step, who comes joins in the next: no rows held, and what long prompts do.',
  kind: 'answer',
  stops: [
    {
      ...five,
      beside: 'queue',
      title: 'The batch of one step',
      moment: 'step that decodes several requests',
      find: ({ a }) =>
        at(
          a,
          firstStep(a, ({ decodeTokens }, i) => decodeTokens[i]! > 1),
        ),
      says({ a }) {
        const { start, request } = a.run.recording.work;
        const who = [...request.subarray(start[a.step], start[a.step + 1])].map(of => `#${a.request(of).id}`);
        return say`This step of ${duration(a.seconds)} computes tokens of ${plural(a.running, 'request')}: ${who.slice(0, 6).join(', ')}. Then the scheduler decides again who is in the next one. There are ${plural(a.run.recording.steps.count, 'such step')} in this run, and as many decisions.`;
      },
    },
    {
      ...five,
      beside: 'memory-map',
      title: 'Done is gone',
      moment: 'answer that ends while others run',
      find({ a }) {
        const first = firstDecision(a, 'finished');
        if (!first) return undefined;
        const pin = { kind: 'request', request: first.decision.request } as const;
        return { ...at(a, first.decision.step)!, pin: { side: 'a', pin } };
      },
      says({ a }) {
        const last = a.latest('finished');
        if (!last) return say`Up to this step nobody has all tokens: ${plural(a.running, 'request')} run.`;
        const { id, outputTokens } = a.request(last.request);
        return say`Request #${id} got the last of its ${plural(outputTokens, 'token')} in step ${last.step - 1}, and in step ${last.step} it is gone: its memory can be had by anybody. ${plural(a.running, 'request')} ${verb(a.running, 'goes', 'go')} on, and ${plural(a.held, 'row')} ${verb(a.held, 'is', 'are')} held.`;
      },
    },
    {
      ...five,
      beside: 'step-time',
      title: 'A latecomer joins in the next step',
      moment: 'step that computes a prompt beside answers',
      find({ a }) {
        const step = firstStep(a, mixes);
        if (step === undefined) return undefined;
        const { start, request, kind } = a.recording.work;
        const entry = kind.subarray(start[step], start[step + 1]).indexOf(0);
        const pin = { kind: 'request', request: request[start[step]! + entry]! } as const;
        return { ...at(a, step)!, pin: { side: 'a', pin } };
      },
      says({ a }) {
        const last = a.latest('admitted');
        const { time, end } = a.run.recording.steps;
        const before = (end[a.step - 1] ?? 0) - (time[a.step - 1] ?? 0);
        const came = last
          ? say`Request #${a.request(last.request).id} waited ${duration(a.request(last.request).admitted - a.request(last.request).arrival)}, for the step that was running. `
          : undefined;
        return say`${came}This step computes ${plural(a.prefillTokens, 'token')} of prompts and ${plural(a.decodeTokens, 'token')} of answers together, in ${duration(a.seconds)}; the one before took ${duration(before)}.`;
      },
    },
    {
      ...chat,
      view: 'timeline',
      beside: 'queue',
      title: 'With many users',
      moment: 'step at which rows are held',
      find: ({ a }) =>
        at(
          a,
          mostOf(a, ({ held, waiting }, i) => held[i]! * waiting[i]!),
        ),
      says({ a, b }) {
        const of = ({ policy, running, held, waiting }: Sight) =>
          say`${policy} computes for ${plural(running, 'request')}, holds ${plural(held, 'ended row')}, and lets ${waiting} wait`;
        return say`${of(a)}. At the same time ${of(b!)}.`;
      },
    },
    {
      ...mixed,
      a: 'vllm',
      b: 'sarathi',
      view: 'step-time',
      beside: 'timeline',
      title: 'The price: prompts between tokens',
      moment: 'step that computes a prompt beside answers',
      find({ a }) {
        const step = mostOf(a, (steps, i) => (mixes(steps, i) ? steps.prefillTokens[i]! : 0));
        return at(a, step);
      },
      says({ a, b }) {
        const longest = ({ run: { recording } }: Sight) => {
          const { count, time, end } = recording.steps;
          let most = 0;
          for (let i = 0; i < count; i++) most = Math.max(most, end[i]! - time[i]!);
          return duration(most);
        };
        return say`This step of ${a.policy} computes ${plural(a.prefillTokens, 'token')} of prompts: ${duration(a.seconds)}, for which ${plural(a.decodeTokens, 'answer')} ${verb(a.decodeTokens, 'waits', 'wait')} for one token. ${b!.policy} cuts prompts into chunks: its longest step takes ${longest(b!)}, against ${longest(a)}.`;
      },
    },
    {
      ...chat,
      view: 'timeline',
      beside: 'memory-over-time',
      title: 'All in all',
      moment: 'step',
      find: ({ b }) => b && { time: b.start + (b.end - b.start) * 0.6 },
      says({ a, b }) {
        const of = ({ policy, run }: Sight) =>
          say`${policy}: half of the requests have their first token within ${duration(ttft(run))}, and ${run.summary.throughput.toFixed(2)} are served a second`;
        return say`${of(a)}. ${of(b!)}: ${(b!.run.summary.throughput / a.run.summary.throughput).toFixed(1)} times the rate. On average ${whole(a.run.summary.meanBatch)} and ${whole(b!.run.summary.meanBatch)} requests are in a step.`;
      },
    },
  ],
};

function at(run: Cast['a'], step: number | undefined): Found | undefined {
  return step === undefined ? undefined : { time: timeOfStep(run, step) };
}

const mixes: Parameters<typeof firstStep>[1] = ({ prefillTokens, decodeTokens }, i) =>
  prefillTokens[i]! > 0 && decodeTokens[i]! > 0;

const ttft = (run: Run) => run.latencies([Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]).ttft.p50;
