import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BlockPool } from '../../src/core/block-pool.ts';

/** The naive model: an array for the free list (head first) and a list of counts. */
interface Model {
  free: number[];
  refs: number[];
}
type Command = fc.Command<Model, BlockPool>;

function expectSame(model: Model, pool: BlockPool): void {
  expect([...pool.freeList()]).toEqual(model.free);
  expect([...pool.refs]).toEqual(model.refs);
  expect(pool.free).toBe(model.free.length);
  expect(pool.free + pool.used).toBe(pool.size);
  pool.checkIntegrity();
}

class Pop implements Command {
  check = () => true;
  run(model: Model, pool: BlockPool) {
    const head = model.free.shift();
    if (head === undefined) expect(() => pool.pop()).toThrow('empty');
    else {
      expect(pool.pop()).toBe(head);
      model.refs[head] = 1;
    }
    expectSame(model, pool);
  }
  toString = () => 'pop';
}

class Touch implements Command {
  readonly at: number;
  constructor(at: number) {
    this.at = at;
  }
  check = () => true;
  run(model: Model, pool: BlockPool) {
    const block = this.at % pool.size;
    pool.touch(block);
    model.free = model.free.filter(free => free !== block);
    model.refs[block]!++;
    expectSame(model, pool);
  }
  toString = () => `touch(${this.at})`;
}

class Release implements Command {
  readonly at: number;
  readonly end: 'front' | 'back';
  constructor(at: number, end: 'front' | 'back') {
    this.at = at;
    this.end = end;
  }
  check = () => true;
  run(model: Model, pool: BlockPool) {
    const block = this.at % pool.size;
    if (model.refs[block] === 0) {
      expect(() => pool.release(block, this.end)).toThrow('twice');
    } else {
      const last = --model.refs[block]! === 0;
      expect(pool.release(block, this.end)).toBe(last);
      if (last && this.end === 'front') model.free.unshift(block);
      if (last && this.end === 'back') model.free.push(block);
    }
    expectSame(model, pool);
  }
  toString = () => `release(${this.at}, ${this.end})`;
}

test('invariants 1, 2, 4, 11: pop, touch and release do what an array and a count would', () => {
  const at = fc.nat(40);
  const commands = fc.commands(
    [
      fc.constant(new Pop()),
      at.map(at => new Touch(at)),
      fc
        .tuple(at, fc.constantFrom('front' as const, 'back' as const))
        .map(([at, end]) => new Release(at, end)),
      at.map(at => new Release(at, 'back')),
    ],
    { maxCommands: 120 },
  );
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), commands, (size, commands) => {
      const ids = Array.from({ length: size }, (_, i) => i);
      const setup = () => ({
        model: { free: ids.slice(), refs: ids.map(() => 0) },
        real: new BlockPool(size),
      });
      fc.modelRun(setup, commands);
    }),
    { numRuns: 400 },
  );
});

test('invariant 1: a new pool is all free, in the order of the ids', () => {
  const pool = new BlockPool(5);
  expect([...pool.freeList()]).toEqual([0, 1, 2, 3, 4]);
  expect(pool.used).toBe(0);
  pool.checkIntegrity();
});

test('invariant 8: blocks given back to the back in reverse order come out in reverse order', () => {
  const pool = new BlockPool(4);
  const table = [pool.pop(), pool.pop(), pool.pop()];
  for (const block of table.toReversed()) pool.release(block, 'back');
  expect([...pool.freeList()]).toEqual([3, 2, 1, 0]);
});

test('invariant 11: a touched free block cannot be popped until its last release', () => {
  const pool = new BlockPool(2);
  pool.touch(0);
  pool.touch(0);
  expect(pool.pop()).toBe(1);
  expect(() => pool.pop()).toThrow('empty');
  expect(pool.release(0, 'back')).toBe(false);
  expect(() => pool.pop()).toThrow('empty');
  expect(pool.release(0, 'back')).toBe(true);
  expect(pool.pop()).toBe(0);
});

test('a failed double free changes nothing', () => {
  const pool = new BlockPool(3);
  pool.pop();
  expect(() => pool.release(2, 'front')).toThrow('block 2 freed twice');
  expect([...pool.freeList()]).toEqual([1, 2]);
  expect([...pool.refs]).toEqual([1, 0, 0]);
  pool.checkIntegrity();
});

test.each([0, -1, 1.5, Number.NaN])('a pool of %d blocks is refused', size => {
  expect(() => new BlockPool(size)).toThrow('block pool of');
});

test('the integrity check sees a count that was changed behind its back', () => {
  const pool = new BlockPool(3);
  pool.pop();
  pool.refs[0] = 0;
  expect(() => pool.checkIntegrity()).toThrow('unreferenced');
  pool.refs[0] = 1;
  pool.refs[2] = 1;
  expect(() => pool.checkIntegrity()).toThrow('block 2 is free but has 1 references');
});
