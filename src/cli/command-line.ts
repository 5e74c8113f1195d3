/** The command as it was typed, to be kept with results: quoted for a POSIX shell. */
export function commandLine(): string {
  const args = process.argv
    .slice(2)
    .map(word => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`));
  return ['quire', ...args].join(' ');
}
