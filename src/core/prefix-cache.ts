import { invariant } from './invariant.ts';
import type { TokenSource } from './token-source.ts';
import type { BlockId, Tokens } from './units.ts';

/** `H(parent hash, token ids of one block)`, any 32-bit integer. Replaceable so that tests can make all collide. */
export type BlockHash = (parentHash: number, tokens: Int32Array) => number;

/**
 * A block-sized piece of text in its context: a parent chain and token ids, interned. Two blocks have the
 * same node exactly when their whole prefixes, keys included, are equal token for token.
 */
export type PrefixNode = number;

export const NO_NODE: PrefixNode = -1;

/**
 * Finds blocks by content: a hash chain as in vLLM's automatic prefix caching, but a hash only proposes;
 * token ids and the parent's identity decide. A collision costs a comparison and never hands one
 * request the KV of another. Nodes live in typed arrays: a long run makes millions, and no garbage.
 */
export class PrefixCache {
  readonly #blockSize: Tokens;
  readonly #hash: BlockHash;
  /** First node of each key (LoRA id and salt): what separates one tenant's text from another's. */
  readonly #roots = new Map<string, PrefixNode>();
  readonly #rootKeys = new Map<PrefixNode, string>();
  /** Per block: its node, and the next block with the same one. */
  readonly #nodeOf: Int32Array;
  readonly #nextBlock: Int32Array;
  /** Per node; `#next` chains nodes of one hash bucket, and the unused ones. */
  #parent = new Int32Array(0);
  #hashOf = new Int32Array(0);
  #children = new Int32Array(0);
  #firstBlock = new Int32Array(0);
  #next = new Int32Array(0);
  #tokens = new Int32Array(0);
  #buckets = new Int32Array(0);
  #unused = NO_NODE;
  readonly #scratch: Int32Array;
  /** Blocks that hold a cached prefix, referenced or not. */
  size = 0;

  constructor(blockSize: Tokens, numBlocks: number, hash: BlockHash = mixHash) {
    this.#blockSize = blockSize;
    this.#hash = hash;
    this.#scratch = new Int32Array(blockSize);
    this.#nodeOf = new Int32Array(numBlocks).fill(NO_NODE);
    this.#nextBlock = new Int32Array(numBlocks).fill(-1);
    this.#growNodes(Math.min(1024, numBlocks + 16));
  }

  /** The node of a block, `NO_NODE` if it cannot be found by content. */
  nodeOf(block: BlockId): PrefixNode {
    return this.#nodeOf[block]!;
  }

  /** Blocks of the longest cached chain for `tokens`, at most `limit` of them, from the start without a hole. */
  lookup(key: string, tokens: TokenSource, limit: number): BlockId[] {
    const found: BlockId[] = [];
    let parent = this.#roots.get(key) ?? NO_NODE;
    while (parent !== NO_NODE && found.length < limit) {
      const ids = this.#read(tokens, found.length);
      const node = this.#find(parent, ids, this.#hash(this.#hashOf[parent]!, ids));
      if (node === NO_NODE || this.#firstBlock[node]! < 0) break;
      found.push(this.#firstBlock[node]!);
      parent = node;
    }
    return found;
  }

  /**
   * Makes `block` findable as the `index`-th full block of `tokens`, below the node `parent` of the one before
   * it (`NO_NODE`: found by the text; the blocks before it need not be cached).
   */
  register(block: BlockId, parent: PrefixNode, key: string, tokens: TokenSource, index: number): PrefixNode {
    invariant(this.#nodeOf[block] === NO_NODE, () => `block ${block} is cached already`);
    const above = parent === NO_NODE ? this.#path(key, tokens, index) : parent;
    const ids = this.#read(tokens, index);
    const hash = this.#hash(this.#hashOf[above]!, ids);
    let node = this.#find(above, ids, hash);
    if (node === NO_NODE) node = this.#insert(above, ids, hash);
    this.#nodeOf[block] = node;
    // Behind the others of the same content: the first to be computed stays the one that is found.
    let last = this.#firstBlock[node]!;
    if (last < 0) this.#firstBlock[node] = block;
    else {
      while (this.#nextBlock[last]! >= 0) last = this.#nextBlock[last]!;
      this.#nextBlock[last] = block;
    }
    this.size++;
    return node;
  }

  /** The block's content is about to be overwritten, or was never computed. */
  forget(block: BlockId): void {
    let node = this.#nodeOf[block]!;
    if (node === NO_NODE) return;
    this.#nodeOf[block] = NO_NODE;
    this.size--;
    if (this.#firstBlock[node] === block) this.#firstBlock[node] = this.#nextBlock[block]!;
    else {
      let before = this.#firstBlock[node]!;
      while (this.#nextBlock[before] !== block) before = this.#nextBlock[before]!;
      this.#nextBlock[before] = this.#nextBlock[block]!;
    }
    this.#nextBlock[block] = -1;
    // A node stays while a longer cached prefix hangs below it: the chain is whole again once its text returns.
    while (node !== NO_NODE && this.#firstBlock[node]! < 0 && this.#children[node] === 0)
      node = this.#remove(node);
  }

  /** The node of the first `length` blocks of `tokens`. */
  #path(key: string, tokens: TokenSource, length: number): PrefixNode {
    let node = this.#root(key);
    for (let i = 0; i < length; i++) {
      const ids = this.#read(tokens, i);
      const hash = this.#hash(this.#hashOf[node]!, ids);
      const next = this.#find(node, ids, hash);
      node = next === NO_NODE ? this.#insert(node, ids, hash) : next;
    }
    return node;
  }

  #read(tokens: TokenSource, index: number): Int32Array {
    const scratch = this.#scratch;
    for (let i = 0, at = index * this.#blockSize; i < scratch.length; i++) scratch[i] = tokens.at(at + i);
    return scratch;
  }

  #find(parent: PrefixNode, tokens: Int32Array, hash: number): PrefixNode {
    let node = this.#buckets[this.#bucket(hash)]!;
    while (node !== NO_NODE && !(this.#parent[node] === parent && this.#holds(node, tokens)))
      node = this.#next[node]!;
    return node;
  }

  #holds(node: PrefixNode, tokens: Int32Array): boolean {
    for (let i = 0, at = node * this.#blockSize; i < tokens.length; i++) {
      if (this.#tokens[at + i] !== tokens[i]) return false;
    }
    return true;
  }

  #insert(parent: PrefixNode, tokens: Int32Array, hash: number): PrefixNode {
    const node = this.#newNode(parent, hash);
    this.#tokens.set(tokens, node * this.#blockSize);
    const bucket = this.#bucket(hash);
    this.#next[node] = this.#buckets[bucket]!;
    this.#buckets[bucket] = node;
    this.#children[parent]!++;
    return node;
  }

  #newNode(parent: PrefixNode, hash: number): PrefixNode {
    if (this.#unused === NO_NODE) this.#growNodes(this.#parent.length * 2);
    const node = this.#unused;
    this.#unused = this.#next[node]!;
    this.#parent[node] = parent;
    this.#hashOf[node] = hash;
    this.#children[node] = 0;
    this.#firstBlock[node] = -1;
    this.#next[node] = NO_NODE;
    return node;
  }

  /** Takes a node out; returns its parent, which may now be of no use either. */
  #remove(node: PrefixNode): PrefixNode {
    const parent = this.#parent[node]!;
    if (parent === NO_NODE) {
      this.#roots.delete(this.#rootKeys.get(node)!);
      this.#rootKeys.delete(node);
    } else {
      const bucket = this.#bucket(this.#hashOf[node]!);
      if (this.#buckets[bucket] === node) this.#buckets[bucket] = this.#next[node]!;
      else {
        let before = this.#buckets[bucket]!;
        while (this.#next[before] !== node) before = this.#next[before]!;
        this.#next[before] = this.#next[node]!;
      }
      this.#children[parent]!--;
    }
    this.#next[node] = this.#unused;
    this.#unused = node;
    return parent;
  }

  #root(key: string): PrefixNode {
    let root = this.#roots.get(key);
    if (root === undefined) {
      root = this.#newNode(NO_NODE, hashText(key));
      this.#roots.set(key, root);
      this.#rootKeys.set(root, key);
    }
    return root;
  }

  /** A power of two of buckets; the hash's high bits take part. */
  #bucket(hash: number): number {
    return (hash ^ (hash >>> 15)) & (this.#buckets.length - 1);
  }

  #growNodes(capacity: number): void {
    const used = this.#parent.length;
    const larger = (old: Int32Array, length: number) => {
      const array = new Int32Array(length);
      array.set(old);
      return array;
    };
    this.#parent = larger(this.#parent, capacity);
    this.#hashOf = larger(this.#hashOf, capacity);
    this.#children = larger(this.#children, capacity);
    this.#firstBlock = larger(this.#firstBlock, capacity);
    this.#next = larger(this.#next, capacity);
    this.#tokens = larger(this.#tokens, capacity * this.#blockSize);
    this.#buckets = new Int32Array(2 ** Math.ceil(Math.log2(2 * capacity))).fill(NO_NODE);
    // It grows only when all nodes are in use; roots are found by key, not by hash.
    for (let node = 0; node < used; node++) {
      if (this.#parent[node] === NO_NODE) continue;
      const bucket = this.#bucket(this.#hashOf[node]!);
      this.#next[node] = this.#buckets[bucket]!;
      this.#buckets[bucket] = node;
    }
    for (let node = capacity - 1; node >= used; node--) {
      this.#next[node] = this.#unused;
      this.#unused = node;
    }
  }

  checkIntegrity(): void {
    let blocks = 0;
    let nodes = this.#roots.size;
    const children = new Map<PrefixNode, number>();
    for (const [bucket, first] of this.#buckets.entries()) {
      for (let node = first; node !== NO_NODE; node = this.#next[node]!) {
        nodes++;
        invariant(this.#bucket(this.#hashOf[node]!) === bucket, () => `node ${node} is in the wrong bucket`);
        const kept = this.#firstBlock[node]! >= 0 || this.#children[node]! > 0;
        invariant(kept, () => `node ${node} has neither block nor child`);
        for (let block = this.#firstBlock[node]!; block >= 0; block = this.#nextBlock[block]!) {
          invariant(this.#nodeOf[block] === node, () => `block ${block} does not point back to node ${node}`);
          blocks++;
        }
        children.set(this.#parent[node]!, (children.get(this.#parent[node]!) ?? 0) + 1);
      }
    }
    let unused = 0;
    for (let node = this.#unused; node !== NO_NODE; node = this.#next[node]!) unused++;
    invariant(
      nodes + unused === this.#parent.length,
      () => `${nodes} nodes and ${unused} unused, ${this.#parent.length} in all`,
    );
    invariant(blocks === this.size, () => `${blocks} blocks in the index, counter says ${this.size}`);
    const known = this.#nodeOf.reduce((count, node) => count + (node === NO_NODE ? 0 : 1), 0);
    invariant(known === blocks, () => 'a cached block is missing from the index');
    for (const root of this.#roots.values()) {
      invariant((children.get(root) ?? 0) > 0, () => 'a key without text was kept');
    }
    for (const [node, count] of children) {
      invariant(
        this.#children[node] === count,
        () => `node ${node} counts ${this.#children[node]} children, has ${count}`,
      );
    }
  }
}

function mixHash(parentHash: number, tokens: Int32Array): number {
  let h = parentHash;
  for (let i = 0; i < tokens.length; i++) {
    h = Math.imul(h ^ tokens[i]!, 0x9e3779b1);
    h ^= h >>> 15;
  }
  return h | 0;
}

function hashText(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h | 0;
}
