import { expect, test } from 'vitest';
import { createMemory } from '../../src/core/memory/create.ts';
import { policies } from '../../src/core/policies/registry.ts';
import { Request } from '../../src/core/request.ts';
import { kvTables } from '../../src/engine/kv-tables.ts';

const limits = { ...policies[0]!.limits({ gpuMemory: 0, isA100: false, maxModelLen: 64 }), blockSize: 8 };
const paged = { kind: 'paged', claim: 'demand', prefixCaching: false, freeOrder: 'lru' } as const;
const contiguous = { kind: 'contiguous', reserve: 'max', allocator: 'first-fit' } as const;

function admitted(memory: ReturnType<typeof createMemory>, promptTokens: number): Request {
  const request = new Request(0, { arrival: 0, promptTokens, maxTokens: 4 });
  memory.lookup(request);
  expect(memory.admit(request, promptTokens, { tokens: promptTokens, headroom: 0 })).toBeUndefined();
  return request;
}

test('a block of the core may be several of the runner', () => {
  for (const choice of [paged, contiguous]) {
    const memory = createMemory(choice, limits, { slots: 256 });
    admitted(memory, 3);
    const { seqs } = admitted(memory, 20);
    const tables = kvTables(memory, { blockSize: 4, numBlocks: 64 });
    expect(tables.factor).toBe(2);
    const out = new Int32Array(7).fill(-9);
    tables.write(seqs[0]!, 20, out, 1);
    const blocks = memory.table(seqs[0]!).flatMap(block => [2 * block, 2 * block + 1]);
    expect([...out]).toEqual([-9, ...blocks.slice(0, 5), -9]);
  }
});

test('blocks that the runner cannot hold are refused', () => {
  const memory = createMemory(paged, limits, { slots: 256 });
  expect(() => kvTables(memory, { blockSize: 16, numBlocks: 64 })).toThrow(
    "KV blocks of 8 tokens cannot be laid over the backend's blocks of 16",
  );
  expect(() => kvTables(memory, { blockSize: 8, numBlocks: 31 })).toThrow(
    '32 KV blocks planned, the backend has 31',
  );
});

test('rows of a padded batch have blocks of their own, as long as they are in it', () => {
  const memory = createMemory({ kind: 'padded', ragged: false }, { ...limits, maxNumSeqs: 2 }, { slots: 32 });
  const tables = kvTables(memory, { blockSize: 8, numBlocks: 4 });
  const [a, b] = [0, 1].map(id => new Request(id, { arrival: 0, promptTokens: 4, maxTokens: 8 }));
  const write = (request: Request, length: number) => {
    const out = new Int32Array(Math.ceil(length / 8));
    tables.write(request.seqs[0]!, length, out, 0);
    return [...out];
  };
  const [first] = write(a!, 4);
  const [other] = write(b!, 8);
  const grown = write(a!, 9);
  expect(grown[0]).toBe(first);
  expect(new Set([...grown, other]).size).toBe(3);
  tables.settle([b!]);
  expect([tables.has(a!.seqs[0]!), tables.has(b!.seqs[0]!)]).toEqual([false, true]);
  // What the other gave back is there again.
  expect(new Set(write(b!, 32)).size).toBe(4);
});
