import type { Seconds, Tokens } from '../../core/units.ts';
import { createRng } from '../../sim/rng.ts';
import type { Arrival, Workload } from '../../sim/workload/workload.ts';

export interface TrainingOptions {
  /** Clients at first: as many as may run at once. */
  readonly clients: number;
  /** Longest context. */
  readonly maxModelLen: Tokens;
  /** When the last client leaves. */
  readonly seconds: Seconds;
  readonly seed: number;
}

/**
 * Requests that show a device in all its moods: prompts and answers of all lengths, each client sending the next one
 * when it has its answer, so that prefills fall among decodes; and clients that leave one by one, so that batches are
 * of all sizes, small ones for as long as large ones (each halving of their number takes the same time).
 */
export function trainingWorkload({ clients, maxModelLen, seconds, seed }: TrainingOptions): Workload {
  const random = createRng(seed, 'training');
  const logUniform = (most: number) =>
    Math.max(1, Math.min(most, Math.floor(Math.exp(random() * Math.log(most + 1)))));
  const request = (session: number, arrival: Seconds): Arrival => ({
    arrival,
    promptTokens: logUniform(Math.floor(maxModelLen / 2)),
    outputTokens: [logUniform(Math.floor(maxModelLen / 4))],
    session,
  });
  const leaves = (session: number) => seconds * (1 - Math.log2(session + 1) / Math.log2(clients + 1));
  return {
    name: 'training',
    *chunks() {
      yield Array.from({ length: clients }, (_, session) => request(session, 0));
    },
    onFinished: ({ arrival: { session = 0 }, finishedAt }) =>
      finishedAt < leaves(session) ? request(session, finishedAt) : undefined,
  };
}
