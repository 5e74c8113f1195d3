import { invariant } from '../invariant.ts';
import {
  type AdmissionDemand,
  type KvMemory,
  type MemoryObserver,
  type MemoryUsage,
  type Shortage,
  type SlotKind,
  slotKinds,
} from '../kv-memory.ts';
import type { Request, Sequence } from '../request.ts';
import type { BlockId, Tokens } from '../units.ts';
import { checkUsage } from './check-usage.ts';

export interface PaddedOptions {
  /** Slots. */
  readonly capacity: Tokens;
  /** Longest row a batch may reach, pads included (`run_hf` of vLLM's 2023 benchmark: 2,048). */
  readonly maxLength: Tokens;
  /** Rows keep their own length (TGI 0.8's flash models) instead of the longest one's (Hugging Face). */
  readonly ragged?: boolean;
  /** Upper bound on the sum of prompt + max_tokens over the batch (TGI's max_batch_total_tokens). */
  readonly maxTotalTokens?: Tokens;
}

interface Row {
  readonly request: Request;
  /** Slots it had when it ended, if its row of the tensor stays until the batch ends; 0 while it lives. */
  readonly dead: Tokens;
}

/**
 * KV of a batch in one tensor `batch × length`, grown by concatenation at every step (`past_key_values` of
 * Hugging Face Transformers before its Cache classes): the whole past is copied to make room for one token a
 * row. Nothing is reserved ahead; padding, ended rows and the copy are the waste.
 *
 * The caller of the model holds the old tensors of every layer until the new ones are returned, so at the
 * end of a step all KV exists twice (measured: the peak of a decode step is 1.00 times the KV above the KV).
 * TGI 0.8 allocates the new tensor of all layers beside the old one, too.
 */
export class PaddedKvMemory implements KvMemory {
  readonly kind = 'padded';
  readonly forks = false;
  readonly trims = false;
  readonly caches = false;
  readonly blockSize = 1;
  readonly capacity: Tokens;
  observer: MemoryObserver | undefined;
  unmet: Shortage | undefined;
  readonly #options: PaddedOptions;
  readonly #rows = new Map<Sequence, Row>();
  #maxPrompt = 0;
  #maxNew = 0;
  /** Decode steps of the batch so far. */
  #steps = 0;
  /** Σ prompt + max_tokens over the rows. */
  #promised = 0;
  #token = 0;
  /** Prompt slots of live rows that are not computed yet. */
  #ahead = 0;
  /** Slots of ended rows, where rows keep their own length. */
  #dead = 0;

  constructor(options: PaddedOptions) {
    this.#options = options;
    this.capacity = options.capacity;
  }

  get freeBlocks(): number {
    const { free, external } = this.usage();
    return this.unmet ? external : free;
  }

  tensor(): { readonly length: Tokens; readonly copied: Tokens } {
    return { length: this.#length, copied: this.#copied };
  }

  /** Length of every row, for attention reads the pads as well; 0 where rows keep their own length. */
  get #length(): Tokens {
    return this.#options.ragged || this.#rows.size === 0 ? 0 : this.#maxPrompt + this.#steps;
  }

  /** Slots that the next step copies to grow the tensor; a lone row of TGI's is preallocated. */
  get #copied(): Tokens {
    return this.#options.ragged && this.#rows.size <= 1 ? 0 : this.#claimed();
  }

  /** Room for the copy; a lone row of TGI's is never copied. */
  #withCopy(slots: Tokens, rows: number): Tokens {
    return this.#options.ragged && rows <= 1 ? slots : 2 * slots;
  }

  fits(request: Request, maxTotal: Tokens): Shortage | undefined {
    const { maxTotalTokens = Number.POSITIVE_INFINITY } = this.#options;
    const slots = request.width * maxTotal;
    if (slots > maxTotalTokens) return { needs: slots, free: maxTotalTokens };
    const needs = this.#withCopy(slots, request.width);
    return needs > this.capacity ? { needs, free: this.capacity } : undefined;
  }

  lookup(): Tokens {
    return 0;
  }

  admit(request: Request, _chunk: Tokens, _demand: AdmissionDemand): Shortage | undefined {
    const { ragged, maxLength, maxTotalTokens = Number.POSITIVE_INFINITY } = this.#options;
    const rows = request.seqs.length;
    const promised = this.#promised + rows * (request.promptTokens + request.maxTokens);
    const maxPrompt = Math.max(this.#maxPrompt, request.promptTokens);
    const maxNew = Math.max(this.#maxNew, request.maxTokens);
    const slots = ragged ? promised : (this.#rows.size + rows) * (maxPrompt + maxNew);
    const needs = this.#withCopy(slots, this.#rows.size + rows);
    if (needs > this.capacity) return { needs, free: this.capacity };
    if (promised > maxTotalTokens) return { needs: promised, free: maxTotalTokens };
    if (!ragged && this.#rows.size > 0 && maxPrompt + maxNew > maxLength) {
      return { needs: maxPrompt + maxNew, free: maxLength };
    }
    this.#promised = promised;
    this.#maxPrompt = maxPrompt;
    this.#maxNew = maxNew;
    for (const seq of request.seqs) {
      this.#rows.set(seq, { request, dead: 0 });
      this.#ahead += request.promptTokens;
    }
    return undefined;
  }

  grow(): Shortage | undefined {
    return undefined;
  }

  advance(request: Request, count: Tokens): void {
    const ahead = promptLeft(request);
    request.numComputedTokens += count;
    this.#ahead += (promptLeft(request) - ahead) * request.seqs.length;
    this.#token += count * request.seqs.length;
    this.#steps = Math.max(this.#steps, request.numComputedTokens - request.promptTokens);
  }

  advanceTogether(): never {
    throw new Error('a padded batch is advanced row by row');
  }

  settle(): void {
    // Nothing is ever advanced together.
  }

  fork(): void {
    // Each beam has its own row; the executor copies the parent's KV over it.
  }

  hold(request: Request, seq: Sequence): void {
    const slots = request.numComputedTokens + promptLeft(request);
    this.#rows.set(seq, { request, dead: slots });
    this.#token -= request.numComputedTokens;
    this.#ahead -= promptLeft(request);
    this.#dead += slots;
  }

  freeSequence(request: Request, seq: Sequence): void {
    const row = this.#rows.get(seq);
    if (!row) return;
    this.#rows.delete(seq);
    if (row.dead > 0) this.#dead -= row.dead;
    else {
      this.#token -= request.numComputedTokens;
      this.#ahead -= promptLeft(request);
    }
    this.#promised -= request.promptTokens + request.maxTokens;
    if (this.#rows.size === 0) this.#maxPrompt = this.#maxNew = this.#steps = 0;
  }

  free(request: Request): void {
    for (const seq of [...request.seqs, ...request.done]) this.freeSequence(request, seq);
  }

  /** Slots of the row's tokens: rows one after another, in order of admission, as after the last concatenation. */
  table(seq: Sequence): readonly BlockId[] {
    let start = 0;
    for (const [other, { request, dead }] of this.#rows) {
      const length = this.#length || dead || Math.max(request.numComputedTokens, request.promptTokens);
      const pad = this.#length ? this.#maxPrompt - request.promptTokens : 0;
      if (other === seq) return Array.from({ length: length - pad }, (_, i) => start + pad + i);
      start += length;
    }
    return [];
  }

  #claimed(): Tokens {
    if (!this.#options.ragged) return this.#rows.size * this.#length;
    // A lone row is preallocated to its promised end.
    return this.#rows.size === 1 ? this.#promised : this.#token + this.#ahead + this.#dead;
  }

  usage(): MemoryUsage {
    const claimed = this.#claimed();
    const row: [Sequence, Row] | undefined =
      this.#options.ragged && this.#rows.size === 1 ? this.#rows.entries().next().value : undefined;
    // Only the preallocated lone row keeps slots for later; and rows about to be computed keep their prompt.
    const whole = row && row[1].dead === 0;
    const live = whole ? Math.max(row[1].request.finalSlots(row[0]), this.#token) : this.#token + this.#ahead;
    const copy = this.#steps > 0 ? this.#copied : 0;
    const left = this.capacity - claimed - copy;
    return {
      token: this.#token,
      reserved: live - this.#token,
      internal: claimed - live,
      external: copy + (this.unmet ? left : 0),
      cached: 0,
      free: this.unmet ? 0 : left,
    };
  }

  classify(): Uint8Array {
    const kind = (name: SlotKind) => slotKinds.indexOf(name);
    const usage = this.usage();
    const slots = new Uint8Array(this.capacity).fill(kind(this.unmet ? 'external' : 'free'));
    const claimed = this.#claimed();
    slots.fill(kind('external'), claimed, this.capacity - usage.free);
    slots.fill(kind('internal'), 0, claimed);
    for (const [seq, { request, dead }] of this.#rows) {
      if (dead) continue;
      const at = this.table(seq)[0] ?? 0;
      const final =
        this.#options.ragged && this.#rows.size === 1 ? request.finalSlots(seq) : request.promptTokens;
      slots.fill(kind('reserved'), at, at + Math.max(final, request.numComputedTokens));
      slots.fill(kind('token'), at, at + request.numComputedTokens);
    }
    return slots;
  }

  checkIntegrity(): void {
    checkUsage(this.usage(), this.capacity);
    for (const [, { request, dead }] of this.#rows) {
      invariant(
        dead || request.status !== 'finished',
        () => `request ${request.id} ended but still holds a live row`,
      );
    }
  }
}

function promptLeft(request: Request): Tokens {
  return Math.max(0, request.promptTokens - request.numComputedTokens);
}
