import type { ExperimentResult } from '../sim/experiment.ts';
import type { ChosenBackend } from './chosen-backend.ts';
import { table, whole, wrap } from './format.ts';
import { sentences, tables } from './report-text.ts';

/** A comparison on a real device as a person reads it: as a simulation's, without the table of what bound the steps. */
export function liveText(experiment: ExperimentResult, { device, backend, dtype }: ChosenBackend): string {
  const { config, results, notes } = experiment;
  const { model, trace, workload, request_rate: rate } = config;
  const users = workload === 'closed-loop' || workload === 'chat' ? `, ${config.users} users` : '';
  const load =
    trace?.split(/[/\\]/).at(-1) ??
    `${workload}${users || (rate === 'inf' ? ', all at once' : `, ${rate} requests/s`)}`;
  const requests = Math.max(...results.map(({ completed, failed }) => completed + failed));
  const title = `${model}, measured on ${device} (${backend}, ${dtype}) · ${load} · ${whole(requests)} requests`;
  const [speed, memory] = tables(experiment);
  const said = [...sentences(experiment), ...notes.map(note => `note: ${note}`)].map(text => wrap(text));
  return [
    wrap(title),
    ...[speed!, memory!].map(({ head, rows }) => table(head, rows)),
    ...(said.length > 0 ? [said.join('\n')] : []),
  ].join('\n\n');
}
