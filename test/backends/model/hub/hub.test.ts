import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test, vi } from 'vitest';
import { type ModelFolderOptions, modelFolder } from '../../../../src/backends/model/hub.ts';
import { loadModel } from '../../../../src/backends/model/load.ts';
import { UsageError } from '../../../../src/core/errors.ts';
import { storiesFolder } from '../../../support/stories.ts';
import { folder, write } from '../safetensors-file.ts';
import { COMMIT, HubServer } from './hub-server.ts';

const names = [
  'config.json',
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'model.safetensors',
];
const stories = Object.fromEntries(names.map(name => [name, readFileSync(join(storiesFolder, name))]));
const weights = stories['model.safetensors']!;
const others = { 'README.md': 'read', 'pytorch_model.bin': 'pickle', '.gitattributes': '', 'x.onnx': '1' };

beforeEach(() => {
  // Whatever the one who runs the tests has set for the real hub.
  for (const name of ['HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN', 'HF_HUB_OFFLINE', 'QUIRE_CACHE'])
    vi.stubEnv(name, '');
  vi.stubEnv('HF_HOME', '/nonexistent');
  vi.stubEnv('HF_TOKEN_PATH', '');
  return () => vi.unstubAllEnvs();
});

async function serve(files: Readonly<Record<string, Uint8Array | string>> = { ...stories, ...others }) {
  const server = await new HubServer(files).start();
  vi.stubEnv('HF_ENDPOINT', `${server.endpoint}/`);
  const cache = folder();
  const get = (options: ModelFolderOptions = {}, model = 'me/tiny') =>
    modelFolder(model, { cache, retryDelay: 0.01, ...options });
  return { server, cache, get };
}

const parts = (cache: string) =>
  (readdirSync(cache, { recursive: true }) as string[]).filter(path => path.endsWith('.part'));

async function failure(of: Promise<unknown>): Promise<string> {
  const error = await of.then(
    () => undefined,
    thrown => thrown,
  );
  expect(error).toBeInstanceOf(UsageError);
  return error.message;
}

test('a model is fetched, without what is of no use, and loads', async () => {
  const { server, cache, get } = await serve();
  const states: { bytesDone: number; bytesTotal: number; filesDone: number; filesTotal: number }[] = [];
  const place = await get({ progress: state => states.push(state) });
  expect(place.startsWith(cache)).toBe(true);
  expect(
    readdirSync(place)
      .filter(name => !name.startsWith('.'))
      .sort(),
  ).toEqual([...names].sort());
  for (const name of names) expect(readFileSync(join(place, name)).equals(stories[name]!)).toBe(true);
  const model = await loadModel(place);
  await model.weights.close();

  const bytes = states.map(({ bytesDone }) => bytesDone);
  expect(bytes).toEqual([...bytes].sort((a, b) => a - b));
  const total = names.reduce((sum, name) => sum + stories[name]!.length, 0);
  expect(states.at(-1)).toMatchObject({ bytesDone: total, bytesTotal: total, filesDone: 5, filesTotal: 5 });
  expect(parts(cache)).toEqual([]);
  // The weights come last: a model that cannot run is refused before.
  expect(server.served.at(-1)).toBe('model.safetensors all');
});

test('what is there is not fetched again, nor by another revision or commit', async () => {
  const { server, get } = await serve();
  const place = await get();
  const served = server.served.length;
  expect(await get()).toBe(place);
  expect(await get({ revision: 'v1' })).toBe(place);
  expect(server.served.length).toBe(served);
  const asked = server.apiRequests;
  expect(await get({ revision: COMMIT })).toBe(place);
  expect(server.apiRequests).toBe(asked);

  server.commit = 'decade00'.repeat(5);
  server.files.set('generation_config.json', Buffer.from('{"eos_token_id": 2}'));
  const next = await get();
  expect(next).not.toBe(place);
  expect(server.served.slice(served)).toEqual(['generation_config.json all']);
  expect(statSync(join(next, 'model.safetensors')).ino).toBe(statSync(join(place, 'model.safetensors')).ino);
});

test('a file that was damaged since, in length, is fetched again', async () => {
  const { get } = await serve();
  const place = await get();
  truncateSync(join(place, 'model.safetensors'), 1000);
  expect(statSync(join(await get(), 'model.safetensors')).size).toBe(weights.length);
});

test('shards are fetched at once, four at most', async () => {
  const shards = Object.fromEntries(
    Array.from({ length: 9 }, (_, i) => [
      `model-0000${i + 1}-of-00009.safetensors`,
      weights.subarray(0, 1000 + i),
    ]),
  );
  const index = { 'model.safetensors.index.json': '{"weight_map":{}}' };
  const { 'model.safetensors': _, ...small } = stories;
  const { server, get } = await serve({ ...small, ...index, ...shards, 'consolidated.safetensors': weights });
  server.shardsHeld = 4;
  const place = await get();
  expect(server.mostInFlight).toBe(4);
  expect(readdirSync(place)).not.toContain('consolidated.safetensors');
  for (const [name, bytes] of Object.entries(shards)) {
    expect(readFileSync(join(place, name)).equals(bytes), name).toBe(true);
  }
});

test('a connection that breaks goes on where it ended', async () => {
  const { server, get } = await serve();
  // More often than a server that says nothing is asked: each time something came.
  server.faults.set(
    'model.safetensors',
    Array.from({ length: 8 }, () => ({ cutAfter: 100_000 })),
  );
  const place = await get();
  expect(readFileSync(join(place, 'model.safetensors')).equals(weights)).toBe(true);
  const ranges = server.served.filter(line => line.startsWith('model.safetensors')).slice(1);
  expect(ranges.length).toBe(8);
  for (const line of ranges) expect(line).toMatch(/bytes=[1-9]\d*-$/);
});

test('a server that knows no ranges is asked for everything', async () => {
  const { server, get } = await serve();
  server.ranges = false;
  server.faults.set('model.safetensors', [{ cutAfter: 500_000 }]);
  expect(readFileSync(join(await get(), 'model.safetensors')).equals(weights)).toBe(true);
});

test('another day goes on with the part of today', async () => {
  const { server, cache, get } = await serve();
  const broken = Array.from({ length: 5 }, () => ({ status: 503 }));
  server.faults.set('model.safetensors', [{ cutAfter: 600_000 }, ...broken]);
  expect(await failure(get())).toMatch(/answered 503 for me\/tiny; try again later/);
  const [part] = parts(cache);
  const had = statSync(join(cache, part!)).size;
  expect(had).toBeGreaterThan(0);
  const states: number[] = [];
  await get({ progress: ({ bytesDone }) => states.push(bytesDone) });
  expect(server.served.at(-1)).toBe(`model.safetensors bytes=${had}-`);
  expect(states.some(bytes => bytes >= had)).toBe(true);
});

test('a part that is damaged is fetched again from the start', async () => {
  const { server, cache, get } = await serve();
  server.faults.set('model.safetensors', [
    { cutAfter: 600_000 },
    ...Array.from({ length: 5 }, () => ({ status: 500 })),
  ]);
  await failure(get());
  const [part] = parts(cache);
  const path = join(cache, part!);
  const bytes = readFileSync(path);
  bytes[10]! ^= 1;
  write(path, bytes);
  expect(readFileSync(join(await get(), 'model.safetensors')).equals(weights)).toBe(true);
  // And one that is longer than the file.
  const other = await serve();
  const blobs = join(other.cache, 'models', 'me--tiny', 'blobs');
  mkdirSync(blobs, { recursive: true });
  write(join(blobs, `${part!.split('/').at(-1)}`), Buffer.concat([weights, weights]));
  expect(readFileSync(join(await other.get(), 'model.safetensors')).equals(weights)).toBe(true);
});

test('bytes that are not those that the hub lists', async () => {
  const { server, cache, get } = await serve();
  const changed = Buffer.from(weights);
  changed[weights.length - 1]! ^= 1;
  server.faults.set('model.safetensors', [{ bytes: changed }, { bytes: changed }]);
  expect(await failure(get())).toMatch(
    /^model.safetensors does not have the checksum that the hub lists \(sha256 /,
  );
  expect(parts(cache)).toEqual([]);
  server.faults.set('tokenizer.json', [{ bytes: Buffer.from('<html>please log in</html>'.repeat(1000)) }]);
  const other = await serve();
  other.server.faults.set('tokenizer.json', [
    { bytes: Buffer.concat([stories['tokenizer.json']!, Buffer.from('x')]) },
  ]);
  expect(await failure(other.get())).toMatch(
    /^tokenizer.json is longer than the 15222 bytes that the hub lists/,
  );
  // Once is forgiven.
  const third = await serve();
  const spoilt = Buffer.from(stories['tokenizer.json']!).fill(32, 0, 9);
  third.server.faults.set('tokenizer.json', [{ bytes: spoilt }]);
  await third.get();
});

test.each([
  [
    401,
    undefined,
    'there is no such model, or it is private or gated and wants a token; check the name, or set HF_TOKEN',
  ],
  [401, 'hf_x', 'or the token is not valid; check the name and the token'],
  [403, 'hf_x', 'it is gated; ask for access on its page'],
  [404, undefined, 'has no model me/tiny (404); check its name: owner/name'],
  [400, undefined, 'answered 400 for me/tiny'],
])('the hub says %i with the token %s', async (status, token, message) => {
  const { server, get } = await serve();
  server.apiFaults.push({ status });
  expect(await failure(get({ token }))).toContain(message);
  expect(server.apiRequests).toBe(1);
  expect([...server.authorizations]).toEqual([token && `Bearer ${token}`]);
});

test('no such revision; a gated file of a model that may be listed', async () => {
  const { server, get } = await serve();
  expect(await failure(get({ revision: 'v9' }))).toBe(
    'me/tiny has no revision v9 (404): name a branch, a tag or a commit of it.',
  );
  server.faults.set('config.json', [{ status: 403 }]);
  expect(await failure(get())).toContain('it is gated; ask for access on its page, and set HF_TOKEN');
});

test('a server that is overloaded is asked again when it says so', async () => {
  const { server, get } = await serve();
  server.apiFaults.push({ status: 503 }, { status: 429, headers: { 'Retry-After': '0.05' } });
  await get();
  expect(server.apiRequests).toBe(4);
});

test('the token comes from HF_TOKEN, or where it was stored at login', async () => {
  const { server, get } = await serve();
  vi.stubEnv('HF_HOME', folder());
  write(join(process.env['HF_HOME']!, 'token'), 'stored\n');
  await get();
  expect([...server.authorizations]).toEqual(['Bearer stored']);
  vi.stubEnv('HF_TOKEN', 'named');
  server.authorizations.clear();
  await get();
  expect([...server.authorizations]).toEqual(['Bearer named']);
});

test('a hub that cannot be reached: what was fetched is used, with a word; else an error', async () => {
  const { server, get } = await serve();
  const place = await get();
  const { endpoint } = server;
  vi.stubEnv('HF_ENDPOINT', 'http://127.0.0.1:1');
  const said: string[] = [];
  expect(await get({ warn: text => said.push(text) })).toBe(place);
  expect(said).toHaveLength(1);
  expect(said[0]).toMatch(/cannot be reached .* Using me\/tiny as it was fetched before \(c0ffee00\)/);
  expect(await failure(get({}, 'me/other'))).toMatch(
    /^http:\/\/127.0.0.1:1 cannot be reached \(.+\); try again later, or name the folder/,
  );
  vi.stubEnv('HF_ENDPOINT', endpoint);
  expect(await failure(get({}, 'me/other'))).toContain('has no model me/other');
});

test('offline: the cache, and nobody is asked', async () => {
  const { server, cache, get } = await serve();
  expect(await failure(get({ offline: true }))).toBe(
    `me/tiny (main) is not in the cache ${join(cache, 'models', 'me--tiny')}, and Quire is offline; ` +
      'run it once with the network, or name the folder of a model.',
  );
  const place = await get();
  const asked = server.apiRequests;
  vi.stubEnv('HF_HUB_OFFLINE', '1');
  expect(await get()).toBe(place);
  expect(server.apiRequests).toBe(asked);
});

test('a model that Quire cannot run is refused before its weights come', async () => {
  const config = JSON.stringify({ architectures: ['Gemma3ForCausalLM'] });
  const { server, get } = await serve({ ...stories, 'config.json': config });
  expect(await failure(get())).toMatch(
    /^In the config.json of me\/tiny, the architecture "Gemma3ForCausalLM"/,
  );
  expect(server.served.some(line => line.startsWith('model.safetensors'))).toBe(false);
  const pickles = await serve({ 'config.json': '{}', 'pytorch_model.bin': 'x' });
  expect(await failure(pickles.get())).toContain(
    'me/tiny has no weights as safetensors, only pytorch_model.bin',
  );
});

test('names that lead out of the folder are no files of a model', async () => {
  const { cache, get } = await serve({
    ...stories,
    '../evil.jinja': 'x',
    '../../e.safetensors': 'x',
    '..\\e.json': 'x',
  });
  const place = await get();
  expect(
    readdirSync(place)
      .filter(name => !name.startsWith('.'))
      .sort(),
  ).toEqual([...names].sort());
  expect((readdirSync(cache, { recursive: true }) as string[]).some(path => path.includes('evil'))).toBe(
    false,
  );
});

test('two at once fetch it once', async () => {
  const { server, get } = await serve();
  const said: string[] = [];
  const warn = (text: string) => said.push(text);
  const [a, b] = await Promise.all([get({ warn }), get({ warn })]);
  expect(a).toBe(b);
  expect(server.served.length).toBe(names.length);
  expect(said).toEqual(['Waiting for another process, which is fetching me/tiny.']);
});

test('a cache where nobody may write', async () => {
  const { get } = await serve();
  const place = write(join(folder(), 'file'), 'x');
  expect(await failure(get({ cache: place }))).toContain(place);
});

test('local folders are as they are; what is neither folder nor model is said', async () => {
  expect(await modelFolder(storiesFolder)).toBe(storiesFolder);
  const place = folder();
  const file = write(join(place, 'model.safetensors'), 'x');
  expect(await failure(modelFolder(file))).toContain('is a file; name the folder of the model');
  for (const name of [
    'gpt2',
    './absent',
    '../a/b',
    '/absent/x',
    'a/b/c',
    'a\\b',
    '',
    'a/..',
    '../b',
    'a/?b',
  ]) {
    expect(await failure(modelFolder(name)), name).toContain('There is no folder');
  }
  expect(existsSync(join(place, 'models'))).toBe(false);
});
