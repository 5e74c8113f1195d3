import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Exprs } from '../../../src/engine/structured/exprs.ts';
import { oneOf } from '../../../src/engine/structured/texts.ts';
import { Work } from '../../../src/engine/structured/work.ts';
import { accepts } from './generate.ts';

test('one of some texts: those, and nothing else', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', 'é', '€'), maxLength: 6 });
  fc.assert(
    fc.property(fc.array(text, { minLength: 1, maxLength: 12 }), fc.array(text), (texts, others) => {
      const exprs = new Exprs(new Work());
      const expr = oneOf(exprs, texts);
      for (const one of texts) {
        expect(accepts(exprs, expr, one)).toBe(true);
        for (const near of [`${one}a`, one.slice(0, -1), one.slice(1)])
          expect(accepts(exprs, expr, near)).toBe(texts.includes(near));
      }
      for (const one of others) expect(accepts(exprs, expr, one)).toBe(texts.includes(one));
    }),
  );
});

test('of thousands that begin alike few are left after a letter', () => {
  const work = new Work();
  const exprs = new Exprs(work);
  const texts = Array.from({ length: 4000 }, (_, i) => `value ${i}`);
  const expr = oneOf(exprs, texts);
  const before = work.done;
  expect(accepts(exprs, expr, 'value 3999')).toBe(true);
  expect(work.done - before).toBeLessThan(1500);
});
