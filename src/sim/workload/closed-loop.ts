import type { Seconds } from '../../core/units.ts';
import { checkNumber, checkWhole } from '../checks.ts';
import { exponential } from '../distributions.ts';
import { createRng } from '../rng.ts';
import { type LengthModel, lengthSampler } from './lengths.ts';
import { type SessionArrival, sessionArrival } from './session.ts';
import { streamId, uniqueTokens } from './tokens.ts';
import type { Arrival, Workload } from './workload.ts';

export interface ClosedLoopOptions {
  readonly name: string;
  /** How many users; each has one request under way, or thinks. */
  readonly users: number;
  /** Mean of the exponential time before every request, the first one too. 0: sends at once. */
  readonly thinkTime: Seconds;
  /** Per user, or in total: then every user sends as many as the others, or one more. */
  readonly requests: { readonly perUser: number } | { readonly total: number };
  readonly lengths: LengthModel;
  readonly seed: number;
  readonly content: boolean;
}

/**
 * Users who send, wait for the answer, think, and send again. What a user sends and how long he thinks is
 * drawn from a stream per user and request. Throws `UsageError` for impossible options.
 */
export function closedLoopWorkload(options: ClosedLoopOptions): Workload {
  const { name, users, requests } = options;
  checkWhole('users', users, 1);
  checkNumber('thinkTime', options.thinkTime);
  if ('perUser' in requests) checkWhole('requests.perUser', requests.perUser, 1);
  else checkWhole('requests.total', requests.total, 1);
  lengthSampler(options.lengths, () => 0);
  return {
    name,
    count: 'perUser' in requests ? users * requests.perUser : requests.total,
    chunks: () => firstRequests(options),
    onFinished(completed) {
      const { session, turn } = sessionArrival(completed.arrival);
      return turn + 1 < share(options, session)
        ? request(options, session, turn + 1, completed.finishedAt)
        : undefined;
    },
  };
}

function* firstRequests(options: ClosedLoopOptions): Generator<readonly Arrival[], void, undefined> {
  const first: Arrival[] = [];
  const { requests } = options;
  // With fewer requests than users the others have nothing to send.
  const users = 'total' in requests ? Math.min(options.users, requests.total) : options.users;
  for (let user = 0; user < users; user++) first.push(request(options, user, 0, 0));
  yield first.sort((a, b) => a.arrival - b.arrival);
}

/** How many requests a user sends. */
function share({ users, requests }: ClosedLoopOptions, user: number): number {
  if ('perUser' in requests) return requests.perUser;
  return Math.floor(requests.total / users) + (user < requests.total % users ? 1 : 0);
}

function request(options: ClosedLoopOptions, session: number, turn: number, now: Seconds): SessionArrival {
  const random = createRng(options.seed, `user/${session}/request/${turn}`);
  const thinking = exponential(options.thinkTime, random)();
  const { promptTokens, outputTokens } = lengthSampler(options.lengths, random).next();
  return {
    arrival: now + thinking,
    promptTokens,
    outputTokens: [outputTokens],
    session,
    turn,
    // Numbered round by round, as if all users kept pace.
    ...(options.content && { tokens: uniqueTokens(streamId('request', turn * options.users + session)) }),
  };
}
