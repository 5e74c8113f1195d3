import { prefixRepetitionSamples } from '../client/datasets/prefix-repetition.ts';
import { randomSamples } from '../client/datasets/random.ts';
import { shareGptLikeSamples, shareGptSamples, type TokenCounter } from '../client/datasets/sharegpt.ts';
import { readShareGpt } from '../client/datasets/sharegpt-file.ts';
import { traceSamples } from '../client/datasets/trace.ts';
import type { Samples } from '../client/sample-request.ts';
import { openTrace } from '../sim/workload/trace/detect.ts';
import type { BenchPlan } from './bench-serve-plan.ts';
import { readBytes } from './files.ts';

/** The requests that the flags describe. @param counter of tokens in texts that people wrote. */
export async function benchSamples(
  { flags, dataset, selfTimed }: BenchPlan,
  counter: TokenCounter,
): Promise<Samples> {
  const { numPrompts: count, seed, datasetPath: path } = flags;
  switch (dataset) {
    case 'random':
      return randomSamples({
        count,
        seed,
        inputLen: flags.inputLen ?? flags.randomInputLen ?? 1024,
        outputLen: flags.outputLen ?? flags.randomOutputLen ?? 128,
        rangeRatio: flags.randomRangeRatio ?? 0,
        prefixLen: flags.randomPrefixLen ?? 0,
      });
    case 'prefix_repetition':
      return prefixRepetitionSamples({
        count,
        seed,
        prefixLen: flags.prefixRepetitionPrefixLen ?? 256,
        suffixLen: flags.prefixRepetitionSuffixLen ?? 256,
        numPrefixes: flags.prefixRepetitionNumPrefixes ?? 10,
        outputLen: flags.outputLen ?? flags.prefixRepetitionOutputLen ?? 128,
      });
    case 'sharegpt': {
      const options = { count, seed, outputLen: flags.outputLen ?? flags.sharegptOutputLen };
      if (path === undefined) return shareGptLikeSamples(options);
      return await shareGptSamples(await readShareGpt(readBytes(path), path), path, options, counter);
    }
    case 'trace': {
      const trace = await openTrace(readBytes(path!), {
        fileName: path!,
        limit: count,
        content: true,
        ...(selfTimed && flags.timeScale !== undefined && { timeScale: flags.timeScale }),
      });
      return await traceSamples(trace);
    }
    default:
      return dataset satisfies never;
  }
}
