import { settings } from '../sim/settings.ts';
import { flagName } from './flags.ts';

/** Keys of more than one word, and a word that a sentence begins with: before a colon stands the name of a file. */
const names = /^[a-z]+(?= )|\b[a-z]+(?:_[a-z]+)+\b/g;

/** A message about settings with their flags in it, where those were typed: it has them as a config file does. */
export function asTyped(message: string, words: readonly string[]): string {
  const flagOf = (name: string) => (Object.hasOwn(settings, name) ? flagName(name) : undefined);
  const typed = (flag: string) => words.some(word => word === flag || word.startsWith(`${flag}=`));
  const flags = [...message.matchAll(names)].flatMap(([name]) => flagOf(name) ?? []);
  return flags.some(typed) ? message.replace(names, name => flagOf(name) ?? name) : message;
}
