/**
 * With this preloaded (`node --require`), SIGUSR2 ends the first engine's thread in the way that QUIRE_CRASH names.
 * CommonJS, for that is what threads preload in every version of Node.
 */
const { BroadcastChannel, isMainThread, threadId } = require('node:worker_threads');

const channel = new BroadcastChannel('crash-engine');
channel.unref();
if (isMainThread) process.on('SIGUSR2', () => channel.postMessage(process.env.QUIRE_CRASH));
else if (threadId === 1) channel.onmessage = ({ data }) => crash(data);

function crash(how) {
  if (how === 'exit') process.exit(3);
  if (how === 'uncaught') throw new Error('thrown where nobody awaits it');
  const hoard = [];
  for (;;) hoard.push(new Array(1_000_000).fill(hoard.length));
}
