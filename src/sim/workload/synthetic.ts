import type { TokenSource } from '../../core/token-source.ts';
import type { Seconds, Tokens } from '../../core/units.ts';
import { checkNumber, checkPositive, checkWhole } from '../checks.ts';
import { exponential } from '../distributions.ts';
import { createRng, type Random } from '../rng.ts';
import { type ArrivalProcess, arrivalTimes, checkArrivals } from './arrivals.ts';
import { inChunks } from './chunks.ts';
import { type LengthModel, lengthSampler } from './lengths.ts';
import { concatTokens, streamId, uniqueTokens } from './tokens.ts';
import type { Arrival, Workload } from './workload.ts';

/** Prompts that begin alike, such as one system prompt per application. */
export interface PrefixGroups {
  /** How many prefixes there are; each request begins with one of them, all equally often. */
  readonly groups: number;
  /** Length of each; a prompt drawn shorter than this plus one token is made that long. */
  readonly tokens: Tokens;
}

/** A share of the requests, by weight, that has this priority (lower is sooner). */
export interface PriorityClass {
  readonly priority: number;
  readonly weight: number;
}

export interface SyntheticOptions {
  readonly name: string;
  /** How many requests. */
  readonly count: number;
  readonly seed: number;
  readonly arrivals: ArrivalProcess;
  readonly lengths: LengthModel;
  /** Answers per request (`n`), each of its own length. Default 1. */
  readonly samples?: number;
  readonly beamWidth?: number;
  readonly prefix?: PrefixGroups;
  /** Whether requests say what they contain; without, prefix caching finds nothing. */
  readonly content: boolean;
  readonly priority?: readonly PriorityClass[];
  /** Clients hang up after an exponential time of this mean, in seconds. */
  readonly abortAfter?: Seconds;
}

/**
 * An open loop of independent requests. What each option draws comes from its own stream: switching one
 * on changes nothing else about any request. Throws `UsageError` for impossible options.
 */
export function syntheticWorkload(options: SyntheticOptions): Workload {
  check(options);
  return { name: options.name, count: options.count, chunks: () => inChunks(generate(options)) };
}

function* generate(options: SyntheticOptions): Generator<Arrival, void, undefined> {
  const toArrival = arrivalMaker(options);
  let index = 0;
  for (const time of arrivalTimes(options.arrivals, options.count, options.seed))
    yield toArrival(time, index++);
}

function arrivalMaker(options: SyntheticOptions): (arrival: Seconds, index: number) => Arrival {
  const { seed, samples = 1, beamWidth, prefix, content, priority, abortAfter } = options;
  const lengths = lengthSampler(options.lengths, createRng(seed, 'lengths'));
  const more = lengthSampler(options.lengths, createRng(seed, 'samples'));
  const group = createRng(seed, 'prefix');
  const patience =
    abortAfter === undefined ? undefined : exponential(abortAfter, createRng(seed, 'patience'));
  const priorityOf = priority === undefined ? undefined : weighted(priority, createRng(seed, 'priority'));
  return (arrival, index) => {
    const drawn = lengths.next();
    const promptTokens = prefix ? Math.max(drawn.promptTokens, prefix.tokens + 1) : drawn.promptTokens;
    const outputTokens = [drawn.outputTokens];
    while (outputTokens.length < samples) outputTokens.push(more.output(drawn.promptTokens));
    const prefixGroup = prefix ? Math.floor(group() * prefix.groups) : 0;
    return {
      arrival,
      promptTokens,
      outputTokens,
      ...(priorityOf && { priority: priorityOf() }),
      ...(beamWidth !== undefined && { beamWidth }),
      ...(patience && { abortAt: arrival + patience() }),
      ...(content && { tokens: contentOf(index, prefix, prefixGroup) }),
    };
  };
}

function contentOf(index: number, prefix: PrefixGroups | undefined, group: number): TokenSource {
  const own = uniqueTokens(streamId('request', index));
  if (!prefix || prefix.tokens === 0) return own;
  const shared = uniqueTokens(streamId('prefix', group));
  return concatTokens([
    { source: shared, offset: 0, length: prefix.tokens },
    { source: own, offset: 0, length: Number.POSITIVE_INFINITY },
  ]);
}

function weighted(classes: readonly PriorityClass[], random: Random): () => number {
  const total = classes.reduce((sum, { weight }) => sum + weight, 0);
  return () => {
    let left = random() * total;
    for (const { priority, weight } of classes) if ((left -= weight) < 0) return priority;
    return classes.at(-1)!.priority;
  };
}

function check(options: SyntheticOptions): void {
  checkWhole('count', options.count, 1);
  if (options.samples !== undefined) checkWhole('samples', options.samples, 1);
  if (options.beamWidth !== undefined) checkWhole('beamWidth', options.beamWidth, 1);
  if (options.abortAfter !== undefined) checkPositive('abortAfter', options.abortAfter);
  if (options.prefix) {
    checkWhole('prefix.groups', options.prefix.groups, 1);
    checkWhole('prefix.tokens', options.prefix.tokens, 0);
  }
  if (options.priority) {
    checkWhole('the number of priority classes', options.priority.length, 1);
    for (const { priority, weight } of options.priority) {
      checkNumber('priority', priority, -Number.MAX_VALUE);
      checkPositive('the weight of a priority', weight);
    }
  }
  checkArrivals(options.arrivals);
  lengthSampler(options.lengths, () => 0);
}
