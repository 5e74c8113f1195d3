/** What a file holds, by how it begins; what it holds in truth, whoever reads it finds out. */
export type FileKind = 'recordings' | 'results' | 'trace' | 'events';

/** @param beginning the first characters of the file, the first line if it is not long. */
export function kindOf(beginning: string, name: string): FileKind {
  const text = beginning.replace(/^\uFEFF/, '').trimStart();
  if (text.startsWith('QUIREREC') || text === '' || /\.quire$/i.test(name)) return 'recordings';
  if (!text.startsWith('{')) return 'trace';
  const keys = keysOf(text);
  if (keys?.includes('type') && keys.includes('policy')) return 'events';
  if (/\.jsonl$/i.test(name) || text.includes('"input_lens"')) return 'trace';
  const isRequest = keys?.some(key => requestKeys.has(key)) ?? false;
  return isRequest ? 'trace' : 'results';
}

/** Of lines of JSON: one of these makes it a request. */
const requestKeys = new Set(['arrival_s', 'arrival_ns', 'input_tokens', 'input_length', 'hash_ids']);

/** Undefined: the first line is no object in itself. */
function keysOf(text: string): string[] | undefined {
  try {
    return Object.keys(JSON.parse(text.split('\n', 1)[0]!));
  } catch {
    return undefined;
  }
}
