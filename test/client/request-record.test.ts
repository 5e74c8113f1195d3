import { describe, expect, test } from 'vitest';
import { type Answer, fakeServer, pause } from './fake-server.ts';
import { ask, clientOf } from './measure.ts';

/** What reaches the client may be late on a busy machine, never early. */
const LATE = 0.5;

function expectAfter(found: number, sent: number): void {
  expect(found).toBeGreaterThan(sent - 0.001);
  expect(found).toBeLessThan(sent + LATE);
}

describe('a request', () => {
  test.each(['openai', 'openai-chat'] as const)(
    'of %s: first token, gaps and end are when they were',
    async backend => {
      const server = await fakeServer({
        complete: async (_, answer) => {
          answer.begin();
          if (backend === 'openai-chat')
            answer.event({ choices: [{ delta: { role: 'assistant', content: '' } }] });
          await pause(0.08);
          answer.token('one');
          for (const text of [' two', ' three']) {
            await pause(0.04);
            answer.token(text, text === ' three' ? 'length' : null);
          }
          answer.usage(17, 3);
          answer.done();
        },
      });
      const found = await ask(clientOf(server.url), { backend });
      expect(found).toMatchObject({
        success: true,
        error: '',
        promptTokens: 17,
        outputTokens: 3,
        hasUsage: true,
        text: 'one two three',
      });
      const stamps = server.answers[0]!.stamps.slice(backend === 'openai-chat' ? 1 : 0);
      const { startTime, ttft, itl, latency } = found;
      expectAfter(startTime + ttft, stamps[0]!);
      expectAfter(startTime + ttft + itl[0]!, stamps[1]!);
      expectAfter(startTime + latency, stamps[2]!);
      expect(ttft).toBeGreaterThan(0.08);
      expect(itl).toHaveLength(2);
      expect(ttft + itl[0]! + itl[1]!).toBeCloseTo(latency, 9);
    },
  );

  test('chunks may be cut anywhere: lines, and characters of several bytes', async () => {
    const text = '🦙 žluťoučký kůň';
    const server = await fakeServer({
      complete: async (_, answer) => {
        answer.begin();
        const events = [{ choices: [{ text }] }, { choices: [{ text, finish_reason: 'stop' }] }];
        const bytes = Buffer.from(
          `${events.map(event => `data: ${JSON.stringify(event)}\r\n\r\n`).join('')}data: [DONE]\r\n\r\n`,
        );
        for (let i = 0; i < bytes.length; i += 3) {
          answer.write(bytes.subarray(i, i + 3));
          await new Promise(resolve => setImmediate(resolve));
        }
        answer.response.end();
      },
    });
    expect(await ask(clientOf(server.url))).toMatchObject({
      success: true,
      text: text + text,
      outputTokens: 2,
    });
  });

  test('without usage: the chunks with text are the tokens, and the prompt is as long as it was meant', async () => {
    const server = await fakeServer({
      complete: (_, answer) => {
        answer.begin();
        for (const text of ['a', 'b', 'c']) answer.token(text);
        answer.token('', 'stop');
        answer.done();
      },
    });
    const found = await ask(clientOf(server.url));
    expect(found).toMatchObject({ success: true, outputTokens: 3, promptTokens: 3, hasUsage: false });
    expect(found.itl, 'the last chunk only says why it ended').toHaveLength(2);
  });

  test('a last chunk without text is the end of sequence where the server counts it', async () => {
    const server = await fakeServer({
      complete: (_, answer) => {
        answer.begin();
        for (const text of ['a', 'b']) answer.token(text);
        answer.token('', 'stop');
        answer.usage(4, 3);
        answer.done();
      },
    });
    const found = await ask(clientOf(server.url));
    expect(found.outputTokens).toBe(3);
    expect(found.itl).toHaveLength(2);
  });

  test('asks for a stream with usage, for as many tokens, in the words of either API', async () => {
    const server = await fakeServer();
    const client = clientOf(server.url, { authorization: 'Bearer secret' });
    await ask(client, { tokens: 5, prompt: [1, 2, 3] });
    await ask(client, { tokens: 6, backend: 'openai-chat' });
    const common = { model: 'fake', stream: true, stream_options: { include_usage: true } };
    expect(server.asked.map(({ url, body }) => [url, body])).toEqual([
      ['/v1/completions', { ...common, prompt: [1, 2, 3], max_tokens: 5 }],
      [
        '/v1/chat/completions',
        { ...common, messages: [{ role: 'user', content: 'a b c' }], max_completion_tokens: 6 },
      ],
    ]);
    expect(server.asked[0]!.headers.authorization).toBe('Bearer secret');
  });

  test('goes over a connection that is open already', async () => {
    const sockets = new Set<unknown>();
    const server = await fakeServer({
      first: request => {
        sockets.add(request.socket);
        return false;
      },
    });
    const client = clientOf(server.url);
    for (let i = 0; i < 5; i++) expect((await ask(client)).success).toBe(true);
    expect(sockets.size).toBe(1);
  });

  test('is sent again where the server had closed the connection that was kept', async () => {
    let closed = 0;
    const server = await fakeServer({
      first: request => {
        // As a server whose time for idle connections ends just when the request comes.
        if (request.url !== '/v1/completions' || closed > 0) return false;
        closed++;
        request.socket.resetAndDestroy();
        return true;
      },
    });
    const client = clientOf(server.url);
    await client.getJson('/v1/models');
    expect((await ask(client)).success).toBe(true);
    expect(closed).toBe(1);
  });
});

describe('a request that fails says why', () => {
  const failing: [string, (answer: Answer) => void, string][] = [
    [
      'an error in the stream',
      answer => {
        answer.begin();
        answer.token('a');
        answer.event({
          error: { message: 'the engine\u001b[2J died', type: 'InternalServerError', code: 500 },
        });
        answer.done();
      },
      'error in the stream: the engine [2J died',
    ],
    [
      'a connection that breaks',
      answer => {
        answer.begin();
        answer.token('a');
        answer.response.write('data: {"choi', () => answer.response.destroy());
      },
      'the server closed the connection before the answer was whole',
    ],
    [
      'a stream that just ends',
      answer => {
        answer.begin();
        answer.token('a');
        answer.response.end();
      },
      'the stream ended before the answer was whole',
    ],
    [
      'something that is no chunk',
      answer => {
        answer.begin();
        answer.event('{not json');
        answer.done();
      },
      'a chunk of the stream is not JSON: {not json',
    ],
    [
      'an answer that is not streamed',
      answer => {
        answer.response.end('{"choices":[{"text":"whole"}]}');
      },
      'the answer has no chunk with a choice in it',
    ],
    [
      '401',
      answer => {
        answer.response.writeHead(401).end('{"error":"Unauthorized"}');
      },
      'HTTP 401 Unauthorized: Unauthorized',
    ],
    [
      '404',
      answer => {
        answer.response
          .writeHead(404)
          .end('{"error":{"message":"The model `x` does not exist.","code":404}}');
      },
      'HTTP 404 Not Found: The model `x` does not exist.',
    ],
    [
      'a page',
      answer => {
        answer.response.writeHead(502).end('<html>\n bad gateway');
      },
      'HTTP 502 Bad Gateway: <html> bad gateway',
    ],
  ];
  test.each(failing)('%s', async (_, complete, message) => {
    const server = await fakeServer({ complete: (_asked, answer) => complete(answer) });
    const found = await ask(clientOf(server.url));
    expect(found).toMatchObject({ success: false, outputTokens: 0, latency: 0 });
    expect(found.error).toContain(message);
    expect(found.error).not.toMatch(/\p{Cc}/u);
  });

  test('nobody there', async () => {
    // Port 1 of this machine: nobody listens there.
    expect((await ask(clientOf('http://127.0.0.1:1'))).error).toBe(
      'http://127.0.0.1:1: nobody answers (connection refused); is the server running?',
    );
  });
});
