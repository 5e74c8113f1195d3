import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { folder, quire, type Run } from '../support/cli.ts';

/** Milliseconds until a server is killed, as one that hangs. */
const patience = 50_000;

export interface ServedOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts `quire serve` as a user does, uses it, and hands back how it ended. */
export async function served(
  args: readonly string[],
  use: (url: string, child: ChildProcess, said: () => string) => Promise<void>,
  options: ServedOptions = {},
): Promise<Run> {
  let using: Promise<void> | undefined;
  const run = await quire(['serve', '--port', '0', ...args], {
    cwd: folder(),
    timeout: patience,
    ...options,
    started: child => {
      let text = '';
      child.stdout!.on('data', piece => {
        text += piece;
      });
      using = once(child.stdout!, 'data').then(async () => {
        const url = /at (http:\S+)/.exec(text)?.[1];
        try {
          await use(url!, child, () => text);
        } finally {
          // A second signal would end it at once.
          if (!child.killed) child.kill('SIGTERM');
        }
      });
      // Who awaits it hears of it, when the process has ended.
      using.catch(() => undefined);
    },
  });
  await using;
  return run;
}

export const complete = (url: string, body: object | string, signal?: AbortSignal) =>
  fetch(`${url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...(signal && { signal }),
  });
