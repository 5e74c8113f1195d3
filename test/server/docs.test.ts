import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Command } from 'commander';
import { expect, test } from 'vitest';
import { serveCommand } from '../../src/cli/serve.ts';
import { outcomes } from '../../src/server/outcome.ts';
import { checkError, fakeEngine, testServer } from './serving.ts';

const text = readFileSync(resolve(import.meta.dirname, '../../docs/serve.md'), 'utf8');
const blocks = [...text.matchAll(/```sh\n(.*?)```/gs)].map(([, block]) => block!);
const lines = blocks.flatMap(block => block.trim().split('\n'));

/** Words of a line as a shell would see them: quotes and comments. */
const words = (line: string) =>
  [...line.replace(/ +# .*$/, '').matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain!);

test('the requests of the page are answered', async () => {
  const requests = lines.filter(line => line.startsWith('curl '));
  expect(requests.length).toBeGreaterThan(6);
  for (const line of requests) {
    const { app } = testServer({ engine: fakeEngine(), model: { id: 'quire-stories' } });
    const args = words(line);
    const after = (flag: string) => (args.includes(flag) ? args[args.indexOf(flag) + 1] : undefined);
    const url = args.find(arg => arg.startsWith('http'))!;
    const [name, value] = (after('-H') ?? 'accept: */*').split(': ') as [string, string];
    const body = after('-d');
    const response = await app.request(new URL(url).pathname, {
      method: after('-X') ?? (body === undefined ? 'GET' : 'POST'),
      headers: { [name]: value },
      ...(body !== undefined && { body }),
    });
    expect([line, response.status]).toEqual([line, 200]);
  }
});

test('the commands of the page are understood', () => {
  const commands = lines.filter(line => line.startsWith('quire '));
  expect(commands.length).toBeGreaterThan(3);
  for (const line of commands) {
    const program = new Command().exitOverride();
    serveCommand(program);
    const [serve] = program.commands as [Command];
    serve.exitOverride().action(() => undefined);
    program.parse(words(line).slice(1), { from: 'user' });
  }
});

test('flags, fields, routes and outcomes that the page names exist', async () => {
  const program = new Command();
  serveCommand(program);
  const known = program.commands[0]!.options.map(({ long }) => long);
  for (const [flag] of text.matchAll(/(?<=`)--[a-z-]+/g))
    if (flag !== '--import') expect(known).toContain(flag);
  for (const outcome of outcomes) expect(text).toContain(`\`${outcome}\``);

  const { app, lines: log } = testServer();
  const [, fields] = /Both generating routes take (.*?); completions also/s.exec(text)!;
  const body = Object.fromEntries([...fields!.matchAll(/`([a-z_]+)`/g)].map(([, field]) => [field, null]));
  expect(Object.keys(body).length).toBeGreaterThan(25);
  for (const path of ['/v1/completions', '/v1/chat/completions']) {
    const sent = JSON.stringify({ ...body, prompt: 'x', messages: [{ role: 'user', content: 'x' }] });
    const response = await app.request(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: sent,
    });
    expect([path, response.status]).toEqual([path, 200]);
  }
  const unknown = log.filter(({ level }) => level === 'debug').map(({ fields: { field } }) => field);
  expect(
    unknown.filter(
      field => !['prompt', 'messages', 'include_usage', 'continuous_usage_stats'].includes(field as string),
    ),
  ).toEqual([]);

  for (const [, method, path] of text.matchAll(/\| `(GET|POST) (\/[\w/]+)`/g)) {
    const response = await app.request(path!, { method: method! });
    if (!response.ok) expect(checkError(response.status, await response.json()).code, path).toBe(415);
  }
});
