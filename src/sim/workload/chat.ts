import { UsageError } from '../../core/errors.ts';
import type { Seconds, Tokens } from '../../core/units.ts';
import { checkNumber, checkWhole } from '../checks.ts';
import { type Distribution, exponential, sampler } from '../distributions.ts';
import { createRng } from '../rng.ts';
import { type ArrivalProcess, arrivalTimes, checkArrivals } from './arrivals.ts';
import { inChunks } from './chunks.ts';
import { type SessionArrival, sessionArrival } from './session.ts';
import { streamId, uniqueTokens } from './tokens.ts';
import type { Arrival, Workload } from './workload.ts';

export interface ChatOptions {
  readonly name: string;
  /** How many conversations, and when each begins. */
  readonly sessions: number;
  readonly arrivals: ArrivalProcess;
  /** Turns of a conversation, if the context allows. */
  readonly turns: Distribution;
  /** Mean of the exponential time between an answer and the next message. */
  readonly thinkTime: Seconds;
  /** Length of each new message. */
  readonly message: Distribution;
  /** Length of each answer. */
  readonly output: Distribution;
  /** A conversation ends before the turn whose prompt and answer would not fit in this many tokens. */
  readonly maxContext: Tokens;
  readonly seed: number;
}

/**
 * Conversations: the prompt of a turn is all that was said before, word for word, and a new message, so a
 * prefix cache can find all but the message. A conversation whose first turn does not fit is left out.
 * Each turn draws from its own stream. Throws `UsageError` for impossible options.
 */
export function chatWorkload(options: ChatOptions): Workload {
  checkWhole('sessions', options.sessions, 1);
  checkNumber('thinkTime', options.thinkTime);
  checkWhole('maxContext', options.maxContext, 2);
  for (const lengths of [options.turns, options.message, options.output]) sampler(lengths, () => 0);
  checkArrivals(options.arrivals);
  return {
    name: options.name,
    chunks: () => inChunks(firstTurns(options)),
    onFinished: ({ arrival, finishedAt }) => nextTurn(options, sessionArrival(arrival), finishedAt),
  };
}

function* firstTurns(options: ChatOptions): Generator<Arrival, void, undefined> {
  let session = 0;
  let any = false;
  for (const time of arrivalTimes(options.arrivals, options.sessions, options.seed, 'sessions')) {
    const first = turnOf(options, session++, 0, 0, () => time);
    if (!first) continue;
    any = true;
    yield first;
  }
  if (!any) {
    throw new UsageError(
      `${options.name}: no conversation's first message and answer fit in maxContext ${options.maxContext}`,
    );
  }
}

function nextTurn(options: ChatOptions, last: SessionArrival, now: Seconds): Arrival | undefined {
  const turn = last.turn + 1;
  const turns = sampler(options.turns, createRng(options.seed, `chat/${last.session}`))();
  if (turn >= turns) return undefined;
  const said = last.promptTokens + last.outputTokens[0]!;
  return turnOf(options, last.session, turn, said, thinking => now + thinking);
}

/** The turn after `said` tokens of conversation, or undefined when it does not fit. */
function turnOf(
  options: ChatOptions,
  session: number,
  turn: number,
  said: Tokens,
  sentAt: (thinking: Seconds) => Seconds,
): SessionArrival | undefined {
  const random = createRng(options.seed, `chat/${session}/turn/${turn}`);
  const thinking = exponential(options.thinkTime, random)();
  const promptTokens = said + sampler(options.message, random)();
  const output = sampler(options.output, random)();
  if (promptTokens + output > options.maxContext) return undefined;
  return {
    arrival: sentAt(thinking),
    promptTokens,
    outputTokens: [output],
    session,
    turn,
    // One stream for the whole conversation, questions and answers alike, by position.
    tokens: uniqueTokens(streamId('conversation', session)),
  };
}
