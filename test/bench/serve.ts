import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { join, resolve } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { readJson } from '../../src/backends/model/files.ts';
import { parseTokenizer } from '../../src/backends/model/tokenizer.ts';
import { createApp } from '../../src/server/app.ts';
import { ModelList } from '../../src/server/model-list.ts';
import { NodeServer } from '../../src/server/node-server.ts';
import { FakeEngine } from '../support/fake-engine.ts';
import { health } from './health.ts';

/**
 * What streams cost the server, and what they leave of it: an engine that computes nothing gives each of so many
 * streams a token at a pace, clients of another process take them, and a third asks `/health` all the while.
 * `node build/test/bench/serve.js [streams] [milliseconds of a step] [seconds]`
 */
const [role, streams = '500', step = '25', seconds = '10'] = process.argv[2]?.match(/^(server|clients)$/)
  ? process.argv.slice(2)
  : ['main', ...process.argv.slice(2)];
const steps = Math.round((Number(seconds) * 1000) / Number(step));

async function serve(): Promise<void> {
  const folder = resolve('models/quire-stories');
  const json = (name: string) => readJson(join(folder, name));
  const tokenizer = parseTokenizer(await json('tokenizer.json'), await json('tokenizer_config.json'), folder);
  const engine = new FakeEngine({
    byHand: true,
    detokenizer: prompt => tokenizer.detokenizer(prompt),
    config: { vocab: 1536, maxModelLen: 100_000 },
  });
  const model = {
    id: 'fake',
    root: 'fake',
    created: 0,
    engine,
    tokenizer,
    chatTemplate: undefined,
    defaults: {},
    ordersByPriority: false,
    cachesPrefixes: true,
  };
  const app = createApp({ models: new ModelList([model]) });
  const server = await NodeServer.listen(app, { host: '127.0.0.1', port: 0 });
  process.send!({ port: server.port });
  while (engine.open < Number(streams)) await new Promise(r => setTimeout(r, 5));
  process.send!({ running: true });
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const cpu = process.cpuUsage();
  const begin = performance.now();
  let due = begin;
  while (engine.open > 0) {
    engine.step();
    due += Number(step);
    await new Promise(r => setTimeout(r, Math.max(0, due - performance.now())));
  }
  const { user, system } = process.cpuUsage(cpu);
  process.send!({
    elapsed: (performance.now() - begin) / 1000,
    cpu: (user + system) / 1e6,
    loopP99: delay.percentile(99) / 1e6,
  });
}

/** Reads as fast as it can and looks at nothing. */
function take(port: number): Promise<number> {
  return new Promise((done, failed) => {
    const headers = { 'content-type': 'application/json' };
    const sent = request(
      { port, host: '127.0.0.1', path: '/v1/completions', method: 'POST', agent: false, headers },
      response => {
        let bytes = 0;
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
        });
        response.on('end', () => done(bytes));
        response.on('error', failed);
      },
    );
    sent.on('error', failed);
    sent.end(JSON.stringify({ prompt: 'x', stream: true, max_tokens: steps, ignore_eos: true }));
  });
}

const start = (what: string, ...more: string[]): ChildProcess =>
  fork(import.meta.filename, [what, streams, step, seconds, ...more]);
const told = async <T>(child: ChildProcess): Promise<T> => (await once(child, 'message'))[0] as T;

async function main(): Promise<void> {
  const server = start('server');
  const { port } = await told<{ port: number }>(server);
  // The rush of the first second is another question: serve-rush.ts.
  const rushed = told(server);
  let running = true;
  const clients = start('clients', String(port));
  void once(clients, 'exit').then(() => {
    running = false;
  });
  await rushed;
  const ended = told<{ elapsed: number; cpu: number; loopP99: number }>(server);
  const agent = new Agent({ keepAlive: true });
  const delays: number[] = [];
  while (running) {
    delays.push(await health(port, agent));
    await new Promise(r => setTimeout(r, 5));
  }
  agent.destroy();
  const { elapsed, cpu, loopP99 } = await ended;
  server.kill();
  delays.sort((a, b) => a - b);
  const at = (share: number) => delays[Math.floor(delays.length * share)]!.toFixed(1);
  const tokens = Number(streams) * steps;
  console.log(
    `${streams} streams, a token each ${step} ms: ${(tokens / elapsed).toFixed(0)} tokens/s ` +
      `(${((elapsed * 1000) / steps).toFixed(1)} ms a step), ${((cpu / tokens) * 1e6).toFixed(1)} µs of CPU a token; ` +
      `/health p50 ${at(0.5)} p90 ${at(0.9)} p99 ${at(0.99)} max ${delays.at(-1)!.toFixed(1)} ms of ${delays.length}; ` +
      `event loop p99 ${loopP99.toFixed(1)} ms`,
  );
}

if (role === 'server') await serve();
else if (role === 'clients') {
  const port = Number(process.argv[6]);
  await Promise.all(Array.from({ length: Number(streams) }, () => take(port)));
} else await main();
