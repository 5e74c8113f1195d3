/** A sentence with what was counted in it set off. */
export type Words = readonly (string | Figure)[];

/** Something read off the simulation on the screen. */
export interface Figure {
  readonly figure: string;
}

/** Text whose inserted values are figures; inserted words stay as they are. */
export function say(
  parts: TemplateStringsArray,
  ...values: readonly (string | number | Words | undefined)[]
): Words {
  const words: (string | Figure)[] = [];
  for (const [i, part] of parts.entries()) {
    if (part !== '') words.push(part);
    const value = values[i];
    if (value === undefined) continue;
    if (typeof value === 'object') words.push(...value);
    else words.push({ figure: String(value) });
  }
  return words;
}

export const plain = (words: Words): string =>
  words.map(word => (typeof word === 'string' ? word : word.figure)).join('');

/** A word that goes with a number, and is no figure itself. */
export const verb = (count: number, one: string, many: string): Words => [count === 1 ? one : many];
