/** The command as it was typed, to be kept with results: quoted for a POSIX shell, and without secrets. */
export function commandLine(): string {
  const words = process.argv.slice(2);
  const args = words
    .map((word, i) => {
      if (words[i - 1] === '--token') return '…';
      return word.startsWith('--token=') ? '--token=…' : word;
    })
    .map(word => (/^[\w@%+=:,./…-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`));
  return ['quire', ...args].join(' ');
}
