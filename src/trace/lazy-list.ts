/**
 * A list that makes its items when they are asked for, and keeps none: of millions that lie in columns, a view looks
 * at a few. It is read like an array, loops over all of it go through the columns.
 */
export function lazyList<T>(length: number, make: (index: number) => T): readonly T[] {
  // Its own length stays 0: an array of millions, though empty, takes its memory.
  const target: T[] = [];
  const indexOf = (key: string | symbol): number => {
    if (typeof key !== 'string') return -1;
    const index = Number(key);
    return index >= 0 && index < length && Number.isInteger(index) && String(index) === key ? index : -1;
  };
  return new Proxy<T[]>(target, {
    get(_, key, receiver) {
      if (key === 'length') return length;
      const index = indexOf(key);
      return index < 0 ? Reflect.get(target, key, receiver) : make(index);
    },
    has: (_, key) => indexOf(key) >= 0 || key in target,
    ownKeys: () => [...Array.from({ length }, (_, i) => String(i)), 'length'],
    getOwnPropertyDescriptor(_, key) {
      const index = indexOf(key);
      if (key === 'length') return { value: length, configurable: false, enumerable: false, writable: true };
      if (index < 0) return Reflect.getOwnPropertyDescriptor(target, key);
      return { value: make(index), configurable: true, enumerable: true, writable: false };
    },
    set: () => false,
    defineProperty: () => false,
    deleteProperty: () => false,
  });
}
