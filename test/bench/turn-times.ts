import { subscribe } from 'node:diagnostics_channel';
import { openSync, readSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

/**
 * With this imported into a server (`node --import`), it says as it ends which turns of its event loop took most CPU
 * time, from its second request on. Other programs that take the core away are not in it, as they are in whatever a
 * client measures. Linux only. The loop never rests, which takes a core: not for anything else that is measured.
 */
if (isMainThread) {
  const file = openSync('/proc/thread-self/schedstat', 'r');
  const buffer = Buffer.alloc(64);
  /** Milliseconds that this thread has run. */
  const cpu = () =>
    Number(buffer.toString('latin1', 0, readSync(file, buffer, 0, 64, 0)).split(' ')[0]) / 1e6;
  let requests = 0;
  let arrived = 0;
  let last = 0;
  const turns: { readonly ms: number; readonly requests: number }[] = [];
  const turn = () => {
    const now = cpu();
    turns.push({ ms: now - last, requests: arrived });
    [last, arrived] = [now, 0];
    setImmediate(turn);
  };
  subscribe('http.server.request.start', () => {
    arrived++;
    if (++requests !== 2) return;
    last = cpu();
    setImmediate(turn);
  });
  process.on('exit', () => {
    const longest = turns.sort((a, b) => b.ms - a.ms).slice(0, 5);
    const words = longest.map(({ ms, requests: count }) => `${ms.toFixed(0)} (${count} requests came)`);
    process.stderr.write(`longest of ${turns.length} turns of the server, ms of CPU: ${words.join(', ')}\n`);
  });
}
