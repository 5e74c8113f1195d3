import type { Tokenizer } from '../backends/model/tokenizer.ts';

/** Characters that are encoded before sockets and timers have their turn: a few milliseconds. */
const PIECE = 8192;

/** Behind a letter, before what no word goes on with: no pre-tokenizer makes one piece of both. */
const boundary = /\p{L}(?=[\s，。、！？])/gu;

const probe =
  'The quick brown fox, aged 7,\njumps  over\tthe lazy dog. 中文，好吗？ Ünïcode wörds\n\nend here';

const known = new WeakMap<Tokenizer, boolean>();

/** Whether a text may be cut at boundaries and encoded piece by piece: most tokenizers, but not all. */
function cuts(tokenizer: Tokenizer): boolean {
  let answer = known.get(tokenizer);
  if (answer === undefined) known.set(tokenizer, (answer = holdsFor(tokenizer)));
  return answer;
}

function holdsFor(tokenizer: Tokenizer): boolean {
  for (const id of tokenizer.specialIds) if (/\s/.test(tokenizer.token(id) ?? '')) return false;
  const plain = (text: string) => tokenizer.encode(text, { addSpecialTokens: false });
  const whole = plain(probe).join();
  return [...probe.matchAll(boundary)].every(
    ({ index }) => [...plain(probe.slice(0, index + 1)), ...plain(probe.slice(index + 1))].join() === whole,
  );
}

/**
 * Token ids of a text, however long, without keeping the event loop from others.
 * @param addSpecialTokens As the model expects a prompt.
 */
export async function encode(
  tokenizer: Tokenizer,
  text: string,
  addSpecialTokens: boolean,
): Promise<readonly number[]> {
  if (text.length <= 2 * PIECE || !cuts(tokenizer)) return tokenizer.encode(text, { addSpecialTokens });
  const ids: number[] = addSpecialTokens ? leading(tokenizer) : [];
  for (let from = 0; from < text.length; ) {
    const to = cutAfter(text, from + PIECE);
    for (const id of tokenizer.encode(text.slice(from, to), { addSpecialTokens: false })) ids.push(id);
    from = to;
    await new Promise(setImmediate);
  }
  if (addSpecialTokens) for (const id of trailing(tokenizer)) ids.push(id);
  return ids;
}

function cutAfter(text: string, least: number): number {
  boundary.lastIndex = least;
  const match = least < text.length ? boundary.exec(text) : null;
  return match ? match.index + match[0].length : text.length;
}

/** What the tokenizer puts before and behind a text. */
function leading(tokenizer: Tokenizer): number[] {
  const ids = tokenizer.encode('a');
  return ids.slice(
    0,
    ids.findIndex(id => !tokenizer.specialIds.has(id)),
  );
}

function trailing(tokenizer: Tokenizer): number[] {
  const ids = tokenizer.encode('a');
  return ids.slice(ids.findLastIndex(id => !tokenizer.specialIds.has(id)) + 1);
}
