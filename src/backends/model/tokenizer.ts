import { Tokenizer as HfTokenizer } from '@huggingface/tokenizers';
import { quoted, UsageError } from '../../core/errors.ts';
import { ConfigFields } from './config-fields.ts';
import { Detokenizer } from './detokenizer.ts';
import { splitWords } from './split-words.ts';

/**
 * A tokenizer from the parsed `tokenizer.json` and `tokenizer_config.json` of a model.
 * @param source Whose files they are, for messages.
 * @throws UsageError when they are of another format, or of a kind that is not supported.
 */
export function parseTokenizer(json: unknown, config: unknown, source: string): Tokenizer {
  const fields = new ConfigFields(json, `the tokenizer.json of ${source}`);
  const settings = new ConfigFields(config ?? {}, `the tokenizer_config.json of ${source}`);
  if (!fields.object('model')) throw fields.error('model is missing, which holds the vocabulary');
  // The library takes the absence of these for a mistake, and cleaning up for the default; transformers neither.
  const whole = {
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: null,
    added_tokens: [],
  };
  const asked = { clean_up_tokenization_spaces: false, ...settings.values };
  let hf: HfTokenizer;
  try {
    hf = new HfTokenizer({ ...whole, ...splitWords(fields.values) }, asked);
  } catch (error) {
    throw fields.error(`the tokenizer is not supported: ${(error as Error).message.replace(/\.$/, '')}`);
  }
  return new Tokenizer(hf, settings);
}

/** Text to token ids and back. */
export class Tokenizer {
  readonly bosTokenId: number | undefined;
  readonly eosTokenId: number | undefined;
  /** Those that are no text: begin and end of sequence, roles of a chat … */
  readonly specialIds: ReadonlySet<number>;
  /** Largest token id, plus one. */
  readonly size: number;
  /** The template of a chat (Jinja), where the model has one. */
  readonly chatTemplate: string | undefined;
  readonly #hf: HfTokenizer;
  /** What tokens read as alone, which a detokenizer asks for after every token. */
  readonly #alone = new Map<number, string>();

  constructor(hf: HfTokenizer, settings: ConfigFields) {
    const added = hf.get_added_tokens_decoder();
    this.#hf = hf;
    this.specialIds = new Set([...added].filter(([, { special }]) => special).map(([id]) => id));
    this.size = [...hf.get_vocab().values()].reduce((most, id) => Math.max(most, id + 1), 0);
    this.bosTokenId = this.#named(settings, 'bos_token');
    this.eosTokenId = this.#named(settings, 'eos_token');
    const template = settings.get('chat_template');
    this.chatTemplate = typeof template === 'string' ? template : undefined;
  }

  /** With special tokens (the default) as the model expects a prompt: Llama begins with its start token. */
  encode(text: string, { addSpecialTokens = true }: { readonly addSpecialTokens?: boolean } = {}): number[] {
    return this.#hf.encode(text, { add_special_tokens: addSpecialTokens }).ids;
  }

  /** Special tokens are left out by default; ids without a token (a padded vocabulary) always. */
  decode(
    ids: Iterable<number>,
    { skipSpecialTokens = true }: { readonly skipSpecialTokens?: boolean } = {},
  ): string {
    const shown: number[] = [];
    for (const id of ids) if (this.#isShown(id, skipSpecialTokens)) shown.push(id);
    if (shown.length === 0) return '';
    if (shown.length > 1) return this.#hf.decode(shown, { skip_special_tokens: false });
    const known = this.#alone.get(shown[0]!);
    if (known !== undefined) return known;
    const text = this.#hf.decode(shown, { skip_special_tokens: false });
    this.#alone.set(shown[0]!, text);
    return text;
  }

  /**
   * Text of an output, token by token. The tokens that follow a prompt read as they do behind it: with the space
   * between its last word and the first of theirs.
   */
  detokenizer(
    prompt: ArrayLike<number> = [],
    options: { readonly skipSpecialTokens?: boolean } = {},
  ): Detokenizer {
    const skip = options.skipSpecialTokens ?? true;
    return new Detokenizer(
      ids => this.decode(ids, options),
      id => this.#isShown(id, skip),
      prompt,
    );
  }

  /** The token as the vocabulary spells it. */
  token(id: number): string | undefined {
    return this.#hf.id_to_token(id);
  }

  tokenId(token: string): number | undefined {
    return this.#hf.token_to_id(token);
  }

  /** @throws UsageError when there are tokens that the model has no embedding for. */
  requireFit(vocab: number, source: string): void {
    if (this.size <= vocab) return;
    throw new UsageError(
      `The tokenizer of ${source} does not match the model: it has token ids up to ${this.size - 1} ` +
        `(${quoted(this.token(this.size - 1))}), but the vocabulary of the model has ${vocab}; ` +
        'take tokenizer.json and config.json from the same model.',
    );
  }

  #isShown(id: number, skipSpecialTokens: boolean): boolean {
    return this.#hf.id_to_token(id) !== undefined && !(skipSpecialTokens && this.specialIds.has(id));
  }

  /** A token is named by its text, or by an object that holds it. */
  #named(settings: ConfigFields, key: string): number | undefined {
    const value = settings.get(key);
    const text = typeof value === 'object' && value !== null ? Reflect.get(value, 'content') : value;
    return typeof text === 'string' ? this.tokenId(text) : undefined;
  }
}
