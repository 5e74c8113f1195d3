import { quoted, UsageError } from './errors.ts';

/** The candidate that `word` was most likely meant to be, or undefined when none is close. */
export function didYouMean(word: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestScore = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const score = distance(plain(word), plain(candidate));
    if (score < bestScore) {
      best = candidate;
      bestScore = score;
    }
  }
  return best;
}

/** Case and punctuation are what people forget: `Llama2-7B` is `llama-2-7b`. */
function plain(text: string): string {
  return text.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');
}

/** Lower is closer. A prefix beats any other part, a part beats any misspelling; infinite: unrelated. */
function distance(word: string, candidate: string): number {
  if (word === candidate) return 0;
  const shorter = Math.min(word.length, candidate.length);
  const excess = Math.abs(word.length - candidate.length);
  if (shorter >= 2) {
    if (candidate.startsWith(word) || word.startsWith(candidate)) return excess;
    if (candidate.includes(word) || word.includes(candidate)) return 1e3 + excess;
  }
  const edits = editDistance(word, candidate);
  // A third of the word: more shared letters than changed ones, yet one slip is forgiven in three.
  return edits <= Math.floor(Math.max(word.length, candidate.length) / 3) ? 2e3 + edits : Infinity;
}

/** Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1;
      let edits = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + change);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        edits = Math.min(edits, beforeLast[j - 2]! + 1);
      }
      row.push(edits);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
}

/** What to throw where a name is not among the known ones: with the nearest of them, and all. */
export function unknownName(what: string, name: string, known: readonly string[]): UsageError {
  const near = didYouMean(name, known);
  return new UsageError(
    `unknown ${what} ${quoted(name)}${near ? `; did you mean ${near}?` : '.'} Known: ${known.join(', ')}`,
  );
}
