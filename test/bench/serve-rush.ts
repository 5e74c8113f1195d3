import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { constants, setPriority } from 'node:os';
import { join } from 'node:path';
import { health } from './health.ts';

/**
 * What `/health` waits for while so many streams come at once, and then while all of them run: a real `quire serve`
 * in front of a simulated A100, clients of another process that give way to it, and a third that asks. Each run has
 * a server of its own, which has served one request. A last run looks at the server from inside: `turn-times.ts`.
 * `npm run bench:serve -- [streams] [tokens of each] [runs]`
 */
const clientsOf = process.argv[2] === 'clients' ? Number(process.argv[3]) : undefined;
const [streams = 500, tokens = 400, runs = 3] = process.argv
  .slice(clientsOf === undefined ? 2 : 4)
  .map(Number);

/** Of some 130 tokens, another for each: nobody's prefix is cached. */
const prompt = (i: number) => `${i} once upon a time there was a little fox `.repeat(13);

/** Reads as fast as it can. @returns when the stream was over. */
function take(port: number, i: number, opened: () => void, spoke: () => void): Promise<void> {
  return new Promise((done, failed) => {
    const headers = { 'content-type': 'application/json' };
    const target = {
      port,
      host: '127.0.0.1',
      path: '/v1/completions',
      method: 'POST',
      agent: false,
      headers,
    };
    const sent = request(target, response => {
      if (response.statusCode !== 200) failed(new Error(`status ${response.statusCode}`));
      opened();
      response.once('data', spoke);
      response.resume();
      response.on('end', done);
      response.on('error', failed);
    });
    sent.on('error', failed);
    sent.end(JSON.stringify({ prompt: prompt(i), stream: true, max_tokens: tokens, ignore_eos: true }));
  });
}

async function clients(port: number): Promise<void> {
  setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  const tell = (event: string) => process.send!(event);
  const last = (event: string) => {
    let missing = streams;
    return () => void (--missing === 0 && tell(event));
  };
  const opened = last('opened');
  const spoke = last('spoke');
  tell('sent');
  await Promise.race(Array.from({ length: streams }, (_, i) => take(port, i, opened, spoke)));
  tell('over');
}

const ignore = () => undefined;

async function serve(node: readonly string[]): Promise<{ server: ChildProcess; port: number }> {
  const quire = join(import.meta.dirname, '../../src/cli/main.js');
  const simulated = ['--backend', 'simulated', '--gpu', 'a100-80g', '--model', 'llama-2-7b'];
  const args = [
    'serve',
    '--port',
    '0',
    ...simulated,
    '--max-num-seqs',
    String(streams),
    '--log-level',
    'warn',
  ];
  const server = spawn(process.execPath, [...process.execArgv, ...node, quire, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said] = await once(server.stdout!, 'data');
  return { server, port: Number(/at http:\S+:(\d+)/.exec(String(said))![1]) };
}

/** @param node Flags of the server's Node: what it does then is its own to say. */
async function run(node: readonly string[] = []): Promise<void> {
  const { server, port } = await serve(node);
  const agent = new Agent({ keepAlive: true });
  const asked = async (until: Promise<unknown>) => {
    const delays: number[] = [];
    let running = true;
    const begin = performance.now();
    void until.then(() => {
      running = false;
    });
    while (running) {
      delays.push(await health(port, agent));
      await new Promise(r => setTimeout(r, 5));
    }
    delays.sort((a, b) => a - b);
    const at = (share: number) => delays[Math.floor((delays.length - 1) * share)]!.toFixed(1);
    const seconds = ((performance.now() - begin) / 1000).toFixed(2);
    return `median ${at(0.5)}, p99 ${at(0.99)}, max ${at(1)} ms of ${delays.length} in ${seconds} s`;
  };
  await take(port, streams, ignore, ignore);
  const child = fork(import.meta.filename, ['clients', ...[port, streams, tokens].map(String)]);
  const told = (event: string) =>
    new Promise<void>(done => child.on('message', message => void (message === event && done())));
  const [sent, opened, spoke, over] = ['sent', 'opened', 'spoke', 'over'].map(told);
  await sent;
  const rush = await asked(opened!);
  const prefill = await asked(spoke!);
  const steady = await asked(over!);
  if (node.length === 0) {
    console.log(`/health, until ${streams} are let in: ${rush}`);
    console.log(`         until each has a token: ${prefill}`);
    console.log(`         while all run: ${steady}`);
  }
  agent.destroy();
  child.kill();
  server.kill();
  await once(server, 'exit');
}

if (clientsOf !== undefined) await clients(clientsOf);
else {
  for (let i = 0; i < runs; i++) await run();
  await run(['--import', new URL('./turn-times.js', import.meta.url).href]);
}
