import { digits, percent, plural } from '../views/words.ts';
import type { Run } from './run.ts';

/** What came of the two policies, in a sentence. */
export function comparison(a: Run, b: Run): string {
  const [nameA, nameB] = [a.recording.policy, b.recording.policy];
  const [first, second] = [a.summary, b.summary];
  if (first.finished === 0 || second.finished === 0) {
    const none = first.finished === 0 ? nameA : nameB;
    return `${none} finished no request with these settings: see its decisions for why.`;
  }
  const rate = `${nameB} served ${digits(second.throughput / first.throughput)} times the rate of ${nameA}`;
  const counts =
    first.finished === second.finished
      ? ''
      : ` (${second.finished} and ${plural(first.finished, 'request')} finished)`;
  return (
    `${rate}${counts}. Of the KV memory they claimed, ${percent(second.waste)} held no token, ` +
    `against ${percent(first.waste)}.`
  );
}
