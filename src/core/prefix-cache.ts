import { invariant } from './invariant.ts';
import type { TokenSource } from './token-source.ts';
import type { BlockId, Tokens } from './units.ts';

/** `H(parent hash, token ids of one block)`, any 32-bit integer. Replaceable so that tests can make all collide. */
export type BlockHash = (parentHash: number, tokens: Int32Array) => number;

/**
 * A block-sized piece of text in its context: parent chain and token ids. Nodes are interned, so two
 * blocks have the same node exactly when their whole prefixes, keys included, are equal token for token.
 */
export interface PrefixNode {
  readonly parent: PrefixNode | undefined;
  readonly hash: number;
  readonly tokens: readonly number[];
  /** Key of a root (LoRA id and salt), empty below it. */
  readonly key: string;
  /** Physical blocks that hold this content; more than one when two requests computed it side by side. */
  blocks: BlockId[];
  children: number;
  /** Next node under the same hash. */
  next: PrefixNode | undefined;
}

/**
 * Finds blocks by content: hash chain as in vLLM's automatic prefix caching, but a hash only proposes;
 * token ids and the parent's identity decide. A collision costs a comparison and never hands one
 * request the KV of another.
 */
export class PrefixCache {
  readonly #blockSize: Tokens;
  readonly #hash: BlockHash;
  readonly #roots = new Map<string, PrefixNode>();
  readonly #index = new Map<number, PrefixNode>();
  readonly #nodeOf: (PrefixNode | undefined)[] = [];
  readonly #scratch: Int32Array;
  /** Blocks that hold a cached prefix, referenced or not. */
  size = 0;

  constructor(blockSize: Tokens, hash: BlockHash = mixHash) {
    this.#blockSize = blockSize;
    this.#hash = hash;
    this.#scratch = new Int32Array(blockSize);
  }

  nodeOf(block: BlockId): PrefixNode | undefined {
    return this.#nodeOf[block];
  }

  /** Nodes of the longest cached chain for `tokens`, at most `limit` of them, from the start without a hole. */
  lookup(key: string, tokens: TokenSource, limit: number): PrefixNode[] {
    const found: PrefixNode[] = [];
    let parent = this.#roots.get(key);
    while (parent && found.length < limit) {
      const ids = this.#read(tokens, found.length);
      const node = this.#find(parent, ids, this.#hash(parent.hash, ids));
      if (!node || node.blocks.length === 0) break;
      found.push(node);
      parent = node;
    }
    return found;
  }

  /** Makes `block` findable as the `index`-th full block of `tokens`, below `parent` (absent: the first). */
  register(block: BlockId, parent: PrefixNode | undefined, key: string, tokens: TokenSource, index: number): PrefixNode {
    invariant(this.#nodeOf[block] === undefined, () => `block ${block} is cached already`);
    const above = parent ?? this.#root(key);
    const ids = this.#read(tokens, index);
    const hash = this.#hash(above.hash, ids);
    const node = this.#find(above, ids, hash) ?? this.#insert(above, ids, hash);
    node.blocks.push(block);
    this.#nodeOf[block] = node;
    this.size++;
    return node;
  }

  /** The block's content is about to be overwritten, or was never computed. */
  forget(block: BlockId): void {
    let node = this.#nodeOf[block];
    if (!node) return;
    this.#nodeOf[block] = undefined;
    this.size--;
    node.blocks.splice(node.blocks.indexOf(block), 1);
    // A node stays while a longer cached prefix hangs below it: the chain is whole again once its text returns.
    while (node && node.blocks.length === 0 && node.children === 0) {
      const parent: PrefixNode | undefined = node.parent;
      if (parent) {
        this.#unlink(node);
        parent.children--;
      } else this.#roots.delete(node.key);
      node = parent;
    }
  }

  #read(tokens: TokenSource, index: number): Int32Array {
    const scratch = this.#scratch;
    for (let i = 0, at = index * this.#blockSize; i < scratch.length; i++) scratch[i] = tokens.at(at + i);
    return scratch;
  }

  #find(parent: PrefixNode, tokens: Int32Array, hash: number): PrefixNode | undefined {
    let node = this.#index.get(hash);
    while (node && !(node.parent === parent && sameTokens(node.tokens, tokens))) node = node.next;
    return node;
  }

  #insert(parent: PrefixNode, tokens: Int32Array, hash: number): PrefixNode {
    const next = this.#index.get(hash);
    const node = { parent, hash, tokens: Array.from(tokens), key: '', blocks: [], children: 0, next };
    this.#index.set(hash, node);
    parent.children++;
    return node;
  }

  #unlink(node: PrefixNode): void {
    const first = this.#index.get(node.hash);
    if (first === node) {
      if (node.next) this.#index.set(node.hash, node.next);
      else this.#index.delete(node.hash);
      return;
    }
    let before = first;
    while (before && before.next !== node) before = before.next;
    invariant(before, () => 'a cached prefix is missing from the index');
    before.next = node.next;
  }

  #root(key: string): PrefixNode {
    let root = this.#roots.get(key);
    if (!root) {
      root = { parent: undefined, hash: hashText(key), tokens: [], key, blocks: [], children: 0, next: undefined };
      this.#roots.set(key, root);
    }
    return root;
  }

  checkIntegrity(): void {
    let blocks = 0;
    const children = new Map<PrefixNode, number>();
    for (const [hash, first] of this.#index) {
      for (let node: PrefixNode | undefined = first; node; node = node.next) {
        invariant(node.hash === hash, () => `node filed under hash ${hash}, has ${node!.hash}`);
        invariant(node.blocks.length > 0 || node.children > 0, () => 'a node without block or child was kept');
        for (const block of node.blocks) {
          invariant(this.#nodeOf[block] === node, () => `block ${block} does not point back to its node`);
          blocks++;
        }
        children.set(node.parent!, (children.get(node.parent!) ?? 0) + 1);
      }
    }
    invariant(blocks === this.size, () => `${blocks} blocks in the index, counter says ${this.size}`);
    invariant(this.#nodeOf.filter(Boolean).length === blocks, () => 'a cached block is missing from the index');
    for (const [node, count] of children) {
      invariant(node.children === count, () => `node counts ${node.children} children, has ${count}`);
    }
  }
}

function sameTokens(a: readonly number[], b: Int32Array): boolean {
  for (let i = 0; i < b.length; i++) if (a[i] !== b[i]) return false;
  return true;
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
