import { digits, duration, percent, plural, whole } from '../../views/words.ts';
import type { Run } from '../run.ts';
import { machineOf } from './machine.ts';
import { mostOf, timeOfStep } from './moments.ts';
import { say, verb } from './say.ts';
import type { Sight } from './sight.ts';
import type { Cast, Found, Tour } from './stop.ts';

const burst = { scenario: 'burst', a: 'vllm', view: 'step-time', beside: 'queue' } as const;

export const idleGpu: Tour = {
  name: 'idle-gpu',
  title: 'Decode leaves the GPU idle',
  about: 'A token a step for a few requests is reading, not computing. How many would keep the GPU busy?',
  kind: 'problem',
  stops: [
    {
      ...burst,
      title: 'A prompt is arithmetic',
      moment: 'step that computes prompts',
      find: cast =>
        at(
          cast,
          mostOf(cast.a, ({ prefillTokens }, i) => prefillTokens[i]!),
        ),
      says: ({ a }) =>
        say`This step takes in ${plural(a.prefillTokens, 'prompt token')} and takes ${duration(a.seconds)}. ${boundWords(a)} ${achieved(a)}`,
    },
    {
      ...burst,
      title: 'A token of an answer is reading',
      moment: 'step that only decodes',
      find: cast => at(cast, fewest(cast.a)),
      says({ a }) {
        const { weights, gpu } = machineOf(a.run.recording);
        return say`Here ${plural(a.running, 'request')} ${verb(a.running, 'gets one token', 'get one token each')}. For that all ${`${(weights / 1e9).toFixed(1)} GB`} of weights are read: ${duration(weights / gpu.bandwidth)} at the full bandwidth, and the step takes ${duration(a.seconds)}. ${boundWords(a)} ${achieved(a)}`;
      },
    },
    {
      ...burst,
      title: 'More rows cost next to nothing',
      moment: 'step that only decodes',
      find: cast => at(cast, fullest(cast.a)),
      says({ a }) {
        const few = fewest(a.run)!;
        const { time, end, decodeTokens } = a.run.recording.steps;
        const before = end[few]! - time[few]!;
        const less = decodeTokens[few]!;
        if (a.prefillTokens > 0 || a.decodeTokens <= less)
          return say`${plural(a.decodeTokens, 'token')} of answers and ${whole(a.prefillTokens)} of prompts in ${duration(a.seconds)}. ${achieved(a)}`;
        return say`${plural(a.decodeTokens, 'token')} in ${duration(a.seconds)}; at the last stop it was ${whole(less)} in ${duration(before)}. So ${(a.decodeTokens / less).toFixed(1)} times the tokens take ${(a.seconds / before).toFixed(2)} times the time: the weights are read once for all. ${achieved(a)}`;
      },
    },
    {
      ...burst,
      title: 'How many would keep it busy?',
      view: 'queue',
      beside: 'memory-over-time',
      moment: 'step that only decodes',
      find: cast => at(cast, fullest(cast.a)),
      says({ a }) {
        const { gpu, balanced, flopsPerToken } = machineOf(a.run.recording);
        const each = a.running > 0 ? a.slots('token') / a.running : 0;
        const needed = each * balanced;
        const { capacity } = a.run.recording.memory;
        return say`One row’s arithmetic takes ${duration(flopsPerToken / gpu.peak)} of the ${gpu.name}; reading the weights takes as long as ${whole(balanced)} rows of it. The step has ${whole(a.decodeTokens)}. With ${whole(each)} tokens each, as now, ${whole(balanced)} rows need ${whole(needed)} slots of KV memory, ${(needed / capacity).toFixed(1)} times what there is.`;
      },
    },
    {
      scenario: 'burst',
      a: 'faster-transformer',
      b: 'vllm',
      title: 'So memory decides how fast the GPU is',
      view: 'queue',
      beside: 'step-time',
      moment: 'step that only decodes',
      find({ b }) {
        const step = b && fullest(b);
        return step === undefined ? undefined : { time: timeOfStep(b!, step) };
      },
      says({ a, b }) {
        const of = (sight: Sight) =>
          say`${sight.policy} computes ${plural(sight.decodeTokens, 'token')} of answers in ${duration(sight.seconds)}`;
        const rate = ({ run }: Sight) => `${whole(tokensOf(run) / run.summary.duration)} tokens/s`;
        return say`At this time ${of(a)}; ${of(b!)}. Over the whole run that is ${rate(a)} against ${rate(b!)}. Whoever wastes no memory has room for more rows, and rows are what the GPU lacks.`;
      },
    },
  ],
};

function at({ a }: Cast, step: number | undefined): Found | undefined {
  return step === undefined ? undefined : { time: timeOfStep(a, step) };
}

/** The decode step with the fewest rows, and the one with most. */
const fewest = (run: Run) =>
  mostOf(run, ({ prefillTokens, decodeTokens }, i) =>
    prefillTokens[i] === 0 && decodeTokens[i]! > 0 ? 1 / decodeTokens[i]! : 0,
  );
const fullest = (run: Run) =>
  mostOf(run, ({ prefillTokens, decodeTokens }, i) => (prefillTokens[i] === 0 ? decodeTokens[i]! : 0));

const tokensOf = (run: Run) =>
  run.recording.requests.reduce((sum, { outputTokens, width }) => sum + outputTokens * width, 0);

/** What kept the step from being shorter, of the three seconds that were recorded of it. */
function boundWords({ run, step }: Sight) {
  const { compute, bandwidth, overhead } = run.recording.steps;
  const [c, b, o] = [compute[step] ?? 0, bandwidth[step] ?? 0, overhead[step] ?? 0];
  const share = (seconds: number) => percent(seconds / (c + b + o || 1));
  return say`Arithmetic is the limit for ${share(c)} of it, memory bandwidth for ${share(b)}.`;
}

/** Useful arithmetic of the step, of what the GPU could have done meanwhile. */
function achieved(sight: Sight) {
  const { flopsPerToken, gpu } = machineOf(sight.run.recording);
  const rate = (flopsPerToken * (sight.prefillTokens + sight.decodeTokens)) / (sight.seconds || 1);
  return say`The GPU does ${digits(rate / 1e12)} of its ${`${whole(gpu.peak / 1e12)} TFLOP/s`}: ${`${digits((rate / gpu.peak) * 100)} %`}.`;
}
