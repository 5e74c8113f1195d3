import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type BlockHash, NO_NODE, PrefixCache, type PrefixNode } from '../../src/core/prefix-cache.ts';
import { makeRequest } from '../support/requests.ts';
import { Text } from '../support/text.ts';

const blockSize = 2;
const numBlocks = 12;

/** One for each way of hashing; the answers must not depend on it. */
const hashes: Record<string, BlockHash | undefined> = {
  'the default hash': undefined,
  'a hash under which everything collides': () => 7,
  'a hash of 2 bits': (parent, tokens) => (parent + tokens.reduce((a, b) => a * 3 + b, 0)) & 3,
};

/** The naive model: the whole text before and in a block, key included, leads to the blocks that hold it. */
class Model {
  readonly blocks = new Map<string, number[]>();

  static name(key: string, ids: readonly number[], index: number): string {
    return JSON.stringify([key, ids.slice(0, (index + 1) * blockSize)]);
  }

  chain(key: string, ids: readonly number[], limit: number): number[][] {
    const found: number[][] = [];
    while (found.length < limit) {
      const blocks = this.blocks.get(Model.name(key, ids, found.length));
      if (!blocks) break;
      found.push(blocks);
    }
    return found;
  }

  add(name: string, block: number) {
    this.blocks.set(name, [...(this.blocks.get(name) ?? []), block]);
  }

  forget(block: number) {
    for (const [name, blocks] of this.blocks) {
      const left = blocks.filter(other => other !== block);
      if (left.length > 0) this.blocks.set(name, left);
      else this.blocks.delete(name);
    }
  }

  get size() {
    return [...this.blocks.values()].flat().length;
  }
}

/** A sequence being computed: it holds its blocks, so they are not forgotten while it lives. */
interface Holder {
  readonly key: string;
  readonly ids: readonly number[];
  readonly blocks: number[];
  /** Its cursor in each of the caches. */
  nodes: PrefixNode[];
}

type Step =
  | { do: 'open'; key: string; ids: number[]; adopt: boolean }
  | { do: 'extend'; at: number }
  | { do: 'close'; at: number; computed: boolean }
  | { do: 'evict'; at: number };

class World {
  readonly caches = Object.values(hashes).map(hash => new PrefixCache(blockSize, numBlocks, hash));
  readonly model = new Model();
  readonly holders: Holder[] = [];
  readonly texts = new Map<string, { key: string; ids: readonly number[] }>();

  play(step: Step) {
    const holder = this.holders[('at' in step ? step.at : 0) % Math.max(1, this.holders.length)];
    switch (step.do) {
      case 'open': {
        const { key, ids } = step;
        this.texts.set(JSON.stringify([key, ids]), { key, ids });
        const chain = step.adopt ? this.model.chain(key, ids, ids.length / blockSize) : [];
        const last = chain.at(-1)?.[0];
        const nodes = this.caches.map(cache => (last === undefined ? NO_NODE : cache.nodeOf(last)));
        this.holders.push({ key, ids, blocks: chain.map(blocks => blocks[0]!), nodes });
        break;
      }
      case 'extend': {
        const index = holder?.blocks.length ?? 0;
        if (!holder || (index + 1) * blockSize > holder.ids.length) return;
        const block = this.#unused();
        if (block === undefined) return;
        const { key, ids } = holder;
        holder.nodes = this.caches.map((cache, i) =>
          cache.register(block, holder.nodes[i]!, key, new Text(ids), index),
        );
        holder.blocks.push(block);
        this.model.add(Model.name(key, ids, index), block);
        break;
      }
      case 'close': {
        if (!holder) return;
        this.holders.splice(this.holders.indexOf(holder), 1);
        const last = holder.blocks.at(-1);
        // Its last block was registered when its step was planned, but the step did not run.
        if (!step.computed && last !== undefined && !this.#held(last)) this.#forget(last);
        break;
      }
      case 'evict': {
        const idle = [...this.model.blocks.values()].flat().filter(block => !this.#held(block));
        if (idle.length > 0) this.#forget(idle[step.at % idle.length]!);
        break;
      }
      default:
        step satisfies never;
    }
  }

  /** The next block that holds nothing; ids are used again, and so are nodes. */
  #unused(): number | undefined {
    const used = new Set([...this.model.blocks.values()].flat());
    return Array.from({ length: numBlocks }, (_, i) => i).find(block => !used.has(block));
  }

  #held(block: number) {
    return this.holders.some(holder => holder.blocks.includes(block));
  }

  #forget(block: number) {
    this.model.forget(block);
    for (const cache of this.caches) cache.forget(block);
  }

  forgetAll() {
    this.holders.length = 0;
    for (const block of [...this.model.blocks.values()].flat()) this.#forget(block);
  }

  check() {
    for (const [i, cache] of this.caches.entries()) {
      cache.checkIntegrity();
      expect(cache.size).toBe(this.model.size);
      for (const { key, ids } of this.texts.values()) {
        for (const limit of [0, 1, ids.length / blockSize]) {
          const found = this.model.chain(key, ids, limit).map(blocks => blocks[0]);
          expect(cache.lookup(key, new Text(ids), limit), Object.keys(hashes)[i]).toEqual(found);
        }
      }
      expectSameNodes(cache, this.model);
    }
  }
}

/** Two blocks have one node exactly when their whole texts are equal; a block without text has none. */
function expectSameNodes(cache: PrefixCache, model: Model): void {
  const nodes = new Set<PrefixNode>([NO_NODE]);
  for (const blocks of model.blocks.values()) {
    const node = cache.nodeOf(blocks[0]!);
    expect(nodes.has(node)).toBe(false);
    nodes.add(node);
    expect(blocks.map(block => cache.nodeOf(block))).toEqual(blocks.map(() => node));
  }
  const texts = new Set([...model.blocks.values()].flat());
  for (let block = 0; block < numBlocks; block++)
    if (!texts.has(block)) expect(cache.nodeOf(block)).toBe(NO_NODE);
}

const ids = fc
  .integer({ min: 1, max: 4 })
  .chain(blocks =>
    fc.array(fc.integer({ min: 0, max: 1 }), { minLength: 2 * blocks, maxLength: 2 * blocks }),
  );
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({
      do: fc.constant('open' as const),
      key: fc.constantFrom('', 'a', 'b'),
      ids,
      adopt: fc.boolean(),
    }),
    { weight: 3, arbitrary: fc.record({ do: fc.constant('extend' as const), at: fc.nat(20) }) },
    fc.record({ do: fc.constant('close' as const), at: fc.nat(20), computed: fc.boolean() }),
    { weight: 2, arbitrary: fc.record({ do: fc.constant('evict' as const), at: fc.nat(50) }) },
  ),
  { maxLength: 60 },
);

test('invariants 5, 6, 9: under any hash the cache answers like a map from whole texts to blocks', () => {
  fc.assert(
    fc.property(steps, steps => {
      const world = new World();
      for (const step of steps) {
        world.play(step);
        world.check();
      }
    }),
    { numRuns: 300 },
  );
});

test('nothing is left of what was forgotten: no root, no node', () => {
  fc.assert(
    fc.property(steps, steps => {
      const world = new World();
      for (const step of steps) world.play(step);
      world.forgetAll();
      world.check();
      expect(world.model.size).toBe(0);
      for (const cache of world.caches) expect(cache.size).toBe(0);
    }),
    { numRuns: 100 },
  );
});

test('a root goes with its last block: an empty cache does not even hash', () => {
  let hashed = 0;
  const count: BlockHash = () => hashed++;
  const cache = new PrefixCache(blockSize, numBlocks, count);
  cache.register(3, NO_NODE, 'salt', new Text([1, 2]), 0);
  cache.forget(3);
  hashed = 0;
  expect(cache.lookup('salt', new Text([1, 2]), 1)).toEqual([]);
  expect(hashed).toBe(0);
});

test('invariant 6: any two salts or adapters are two caches', () => {
  const name = fc.option(fc.string({ unit: fc.constantFrom('a', 'b', '\u0000', '"', ','), maxLength: 4 }), {
    nil: undefined,
  });
  const keyed = (loraId: string | undefined, cacheSalt: string | undefined) =>
    makeRequest([1, 2], {
      ...(loraId !== undefined && { loraId }),
      ...(cacheSalt !== undefined && { cacheSalt }),
    });
  const text = new Text([1, 2, 3, 4]);
  fc.assert(
    fc.property(name, name, name, name, (lora1, salt1, lora2, salt2) => {
      const [a, b] = [keyed(lora1, salt1), keyed(lora2, salt2)];
      // Whether an empty one counts as absent is left open.
      fc.pre(lora1 !== '' && lora2 !== '' && salt1 !== '' && salt2 !== '');
      const same = lora1 === lora2 && salt1 === salt2;
      expect(a.cacheKey === b.cacheKey).toBe(same);
      for (const hash of Object.values(hashes)) {
        const cache = new PrefixCache(blockSize, numBlocks, hash);
        const first = cache.register(0, NO_NODE, a.cacheKey, text, 0);
        cache.register(1, first, a.cacheKey, text, 1);
        expect(cache.lookup(b.cacheKey, text, 2)).toHaveLength(same ? 2 : 0);
      }
    }),
    { numRuns: 2000 },
  );
});

test('invariant 6: a salt cannot be worded so that it reaches into the cache of another adapter', () => {
  const part = fc.string({ unit: fc.constantFrom('a', '\u0000', '"', ',', '\\', '['), maxLength: 2 });
  const separator = fc.constantFrom('\u0000', '","', ',', '/', ':', '|', '');
  fc.assert(
    fc.property(part, part, part, separator, (x, y, z, separator) => {
      const a = makeRequest([1], { loraId: x, cacheSalt: `${y}${separator}${z}` });
      const b = makeRequest([1], { loraId: `${x}${separator}${y}`, cacheSalt: z });
      expect(a.cacheKey === b.cacheKey).toBe(`${separator}${y}` === '');
    }),
    { numRuns: 2000 },
  );
});

test.each(Object.entries(hashes))(
  'invariant 9: a hole hides what is behind it until its text returns, under %s',
  (_, hash) => {
    const cache = new PrefixCache(blockSize, numBlocks, hash);
    const text = new Text([0, 0, 0, 0, 0, 0]);
    let parent = NO_NODE;
    for (const block of [4, 5, 6]) parent = cache.register(block, parent, '', text, block - 4);
    const found = () => cache.lookup('', text, 3);
    expect(found()).toEqual([4, 5, 6]);
    cache.forget(5);
    expect(found()).toEqual([4]);
    cache.forget(4);
    expect(found()).toEqual([]);
    const first = cache.register(7, NO_NODE, '', text, 0);
    expect(found()).toEqual([7]);
    cache.register(8, first, '', text, 1);
    expect(found()).toEqual([7, 8, 6]);
    cache.checkIntegrity();
    expect(cache.size).toBe(3);
  },
);

test('invariant 6: the same block text behind another prefix is another prefix', () => {
  for (const hash of Object.values(hashes)) {
    const cache = new PrefixCache(blockSize, numBlocks, hash);
    const [left, right] = [new Text([1, 1, 9, 9]), new Text([2, 2, 9, 9])];
    cache.register(1, cache.register(0, NO_NODE, '', left, 0), '', left, 1);
    cache.register(2, NO_NODE, '', right, 0);
    expect(cache.lookup('', right, 2)).toEqual([2]);
    expect(cache.lookup('', left, 2)).toEqual([0, 1]);
  }
});

test('invariant 5: equal content may live in several blocks, and is found while one of them is left', () => {
  const cache = new PrefixCache(blockSize, numBlocks);
  const text = new Text([1, 2]);
  const node = cache.register(0, NO_NODE, '', text, 0);
  expect(cache.register(1, NO_NODE, '', text, 0)).toBe(node);
  expect(cache.lookup('', text, 1)).toEqual([0]);
  cache.forget(0);
  expect(cache.lookup('', text, 1)).toEqual([1]);
  cache.forget(1);
  expect(cache.lookup('', text, 1)).toEqual([]);
  cache.forget(1);
  expect(cache.size).toBe(0);
});

test('a block is registered once', () => {
  const cache = new PrefixCache(blockSize, numBlocks);
  cache.register(0, NO_NODE, '', new Text([1, 2]), 0);
  expect(() => cache.register(0, NO_NODE, '', new Text([3, 4]), 0)).toThrow('block 0 is cached already');
});

test.each(Object.entries(hashes))('the table of nodes grows and is used again, under %s', (_, hash) => {
  const cache = new PrefixCache(1, 8, hash);
  const texts = [0, 1, 2].map(
    first => new Text(Array.from({ length: 120 }, (_, i) => (i === 0 ? first : i % 3))),
  );
  for (let round = 0; round < 3; round++) {
    // Each text is registered to its end, but only its last block stays: hundreds of nodes over three blocks.
    for (const [t, text] of texts.entries()) {
      let parent = NO_NODE;
      for (let i = 0; i < 120; i++) {
        parent = cache.register(2 * t + (i % 2), parent, 'key', text, i);
        if (i > 0) cache.forget(2 * t + ((i + 1) % 2));
      }
    }
    cache.checkIntegrity();
    expect(cache.size).toBe(3);
    for (const text of texts) expect(cache.lookup('key', text, 120)).toEqual([]);
    for (let block = 0; block < 6; block++) cache.forget(block);
    cache.checkIntegrity();
    expect(cache.size).toBe(0);
  }
});

test('a block may be registered deep in a text of which nothing is cached yet (sliding window)', () => {
  for (const hash of Object.values(hashes)) {
    const cache = new PrefixCache(blockSize, numBlocks, hash);
    const text = new Text([1, 1, 2, 2, 3, 3]);
    cache.register(5, NO_NODE, '', text, 2);
    expect(cache.lookup('', text, 3)).toEqual([]);
    expect(cache.lookup('', new Text([3, 3]), 1)).toEqual([]);
    cache.checkIntegrity();
    cache.register(4, cache.register(3, NO_NODE, '', text, 0), '', text, 1);
    expect(cache.lookup('', text, 3)).toEqual([3, 4, 5]);
    for (const block of [3, 4, 5]) cache.forget(block);
    cache.checkIntegrity();
  }
});
