import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { checkError, fakeEngine, listening, ok, refused, testServer, until } from './serving.ts';

/** Sends bytes as they are; what comes back until the other side closes. */
function raw(
  port: number,
  bytes: string | Buffer,
  options: { readonly half?: boolean } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    let text = '';
    socket.setEncoding('latin1');
    socket.on('data', piece => {
      text += piece;
    });
    socket.on('end', () => {
      socket.end();
      resolve(text);
    });
    socket.on('error', reject);
    socket.write(bytes);
    if (options.half) socket.end();
  });
}

const head = (length: number | string, path = '/v1/completions') =>
  `POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: ${length}\r\n\r\n`;

const bodyOf = (answer: string) => JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4));
const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]);

const deep = (open: string, close: string, depth = 100_000) => open.repeat(depth) + close.repeat(depth);

const bodies: readonly (readonly [what: string, body: string | Buffer])[] = [
  ['deep lists', deep('[', ']')],
  ['deep lists as a prompt', `{"prompt":${deep('[', ']')}}`],
  ['deep objects', deep('{"a":', '', 100_000)],
  [
    'deep objects in an unknown field, and no prompt',
    `{"x":${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}}`,
  ],
  ['bad UTF-8', Buffer.from([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x3a, 0x31, 0x7d])],
  ['half a surrogate', '{"prompt":"\\ud800","n":-1}'],
  ['a huge number', `{"prompt":"x","max_tokens":${'9'.repeat(400)}}`],
  ['an infinite number', '{"prompt":"x","temperature":1e999}'],
  ['a number that is none', '{"prompt":"x","temperature":NaN}'],
  ['a negative length', '{"prompt":"x","max_tokens":-1}'],
  ['a byte order mark and no more', '\ufeff'],
  ['keys of prototypes', '{"__proto__":{"prompt":"x"},"constructor":1}'],
  ['prototypes in the bias', '{"prompt":"x","logit_bias":{"__proto__":1,"constructor":2}}'],
  ['a list of a hundred thousand prompts', `{"prompt":[${Array(100_000).fill('"x"').join()}]}`],
  ['a hundred thousand stop strings', `{"prompt":"x","stop":[${Array(100_000).fill('"x"').join()}]}`],
  [
    'a bias of fifty thousand',
    `{"prompt":"x","logit_bias":{${Array.from({ length: 50_000 }, (_, i) => `"${i}":1`).join()}}}`,
  ],
  ['a mix of prompts', '{"prompt":[[1],"x",2,null]}'],
  ['a very long text', `{"prompt":"${'word '.repeat(400_000)}"}`],
  ['n beyond all bounds', '{"prompt":"x","n":1000000000}'],
];

test.each(bodies)('%s is refused in order, and the next request is served', async (_what, body) => {
  const { app, engine } = testServer();
  const { port } = await listening(app);
  const bytes = Buffer.from(body);
  const answer = await raw(port, Buffer.concat([Buffer.from(head(bytes.length)), bytes]));
  expect(statusOf(answer)).toBe(400);
  checkError(400, bodyOf(answer));
  expect(engine.asks).toEqual([]);
  await ok(app, '/v1/completions', { prompt: 'x' });
});

test('NUL, controls and lone surrogates in a prompt are text like any other', async () => {
  const { app, engine } = testServer();
  for (const prompt of ['\0', 'a\0b', '\u0001\u001b[31m', '\ud800', '\uffff', '\u202e', '🦊'.repeat(50)]) {
    await ok(app, '/v1/completions', { prompt, max_tokens: 1, stop: '\0' });
  }
  expect(engine.open).toBe(0);
});

test('deep arguments of a template are refused, not a crash', async () => {
  const { app } = testServer();
  const kwargs = `{"a":${'['.repeat(50_000)}${']'.repeat(50_000)}}`;
  const body = `{"messages":[{"role":"user","content":"x"}],"chat_template_kwargs":${kwargs}}`;
  expect((await refused(app, '/v1/chat/completions', body)).code).toBe(400);
});

const requests: readonly (readonly [what: string, bytes: string, status: number])[] = [
  ['no HTTP', 'hello there\r\n\r\n', 400],
  ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n', 400],
  ['giant headers', `GET /health HTTP/1.1\r\nhost: a\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`, 431],
  ['ten thousand headers', `GET /health HTTP/1.1\r\nhost: a\r\n${'a: b\r\n'.repeat(10_000)}\r\n`, 431],
  ['two lengths', `${head('3').trimEnd()}\r\ncontent-length: 4\r\n\r\n{}  `, 400],
  ['a length and chunks', `${head('3').trimEnd()}\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
  ['a length that is none', `${head('abc')}{}`, 400],
  ['a length beyond the limit', head(10 ** 12), 413],
  [
    'another host in the line',
    'GET http://evil.test/none HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n',
    404,
  ],
  ['a path of dots', 'GET /../../etc/passwd HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n', 404],
  ['a path of bad escapes', 'GET /v1/models/%ff%zz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n', 404],
];

test.each(requests)(
  '%s: an answer in the usual shape, and the next request is served',
  async (_what, bytes, status) => {
    const { app } = testServer();
    const { port, url } = await listening(app);
    const answer = await raw(port, bytes);
    expect(statusOf(answer)).toBe(status);
    checkError(status, bodyOf(answer));
    expect((await fetch(`${url}/health`)).status).toBe(200);
  },
);

test('a client that closes its half of the socket is answered all the same, or gone', async () => {
  const { app, engine } = testServer();
  const { port } = await listening(app);
  const body = '{"prompt":"x","max_tokens":3}';
  const answer = await raw(port, head(body.length) + body, { half: true });
  expect(answer === '' || statusOf(answer) === 200).toBe(true);
  await until(() => engine.open === 0, 'nothing runs on');
  const short = await raw(port, `${head(100)}{"prompt"`, { half: true });
  expect([Number.NaN, 400]).toContain(statusOf(short));
  await until(() => engine.open === 0, 'nothing runs on');
});

test('pipelined requests are answered in their order', async () => {
  const { app } = testServer({ engine: fakeEngine() });
  const { port } = await listening(app);
  const body = (max_tokens: number) => JSON.stringify({ prompt: 'x', max_tokens });
  const one = (tokens: number, last: boolean) =>
    head(body(tokens).length).replace('close', last ? 'close' : 'keep-alive') + body(tokens);
  const answer = await raw(port, one(40, false) + one(1, false) + one(20, true));
  const counts = [...answer.matchAll(/"completion_tokens":(\d+)/g)].map(([, count]) => Number(count));
  expect(counts).toEqual([40, 1, 20]);
});
