import type { Arrival, Workload } from '../../../src/sim/workload/workload.ts';

/** Serves a closed loop with the given service times, and returns all requests in the order of sending. */
export function play(workload: Workload, serviceTime: (arrival: Arrival) => number): Arrival[] {
  const waiting = [...(workload.chunks() as Iterable<readonly Arrival[]>)].flat();
  const sent: Arrival[] = [];
  const finishing: { arrival: Arrival; finishedAt: number }[] = [];
  while (waiting.length > 0 || finishing.length > 0) {
    waiting.sort((a, b) => a.arrival - b.arrival);
    finishing.sort((a, b) => a.finishedAt - b.finishedAt);
    if (finishing.length === 0 || (waiting[0] && waiting[0].arrival <= finishing[0]!.finishedAt)) {
      const arrival = waiting.shift()!;
      sent.push(arrival);
      finishing.push({ arrival, finishedAt: arrival.arrival + serviceTime(arrival) });
    } else {
      const next = workload.onFinished!(finishing.shift()!);
      if (next) waiting.push(next);
    }
  }
  return sent;
}
