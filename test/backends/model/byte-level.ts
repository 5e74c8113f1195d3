import { parseTokenizer, type Tokenizer } from '../../../src/backends/model/tokenizer.ts';

/** The letters that stand for bytes in byte-level BPE (GPT-2): printable ones for themselves, others from U+0100 on. */
function byteLetters(): string[] {
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
    return String.fromCharCode(printable ? byte : next++);
  });
}

const letters = byteLetters();
const spelled = (text: string) => [...new TextEncoder().encode(text)].map(byte => letters[byte]!).join('');

/** A tokenizer.json in the manner of Llama 3 and Qwen: byte-level, a few merges, special tokens behind. */
export function byteLevelJson() {
  const pairs = [
    ['h', 'e'],
    [' ', 't'],
    [' t', 'he'],
    ['l', 'l'],
    ['he', 'll'],
    ['hell', 'o'],
  ];
  const merges = pairs.map(pair => pair.map(spelled));
  const vocab = Object.fromEntries([...letters, ...merges.map(pair => pair.join(''))].map((t, i) => [t, i]));
  const special = ['<|begin_of_text|>', '<|eot|>'];
  const added = special.map((content, i) => ({ id: 262 + i, content, special: true, normalized: false }));
  const level = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false };
  const begin = { id: special[0], ids: [262], tokens: [special[0]] };
  return {
    added_tokens: added,
    normalizer: null,
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        {
          type: 'Split',
          // As published for Llama 3.
          pattern: {
            Regex:
              "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
          },
          behavior: 'Isolated',
          invert: false,
        },
        level,
      ],
    },
    post_processor: {
      type: 'Sequence',
      processors: [
        level,
        {
          type: 'TemplateProcessing',
          single: [{ SpecialToken: { id: special[0], type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
          pair: [],
          special_tokens: { [special[0]!]: begin },
        },
      ],
    },
    decoder: { ...level },
    model: { type: 'BPE', vocab, merges, ignore_merges: true, byte_fallback: false, unk_token: null },
  };
}

export function byteLevelTokenizer(): Tokenizer {
  return parseTokenizer(
    byteLevelJson(),
    { bos_token: { content: '<|begin_of_text|>' }, eos_token: '<|eot|>', chat_template: '{{ x }}' },
    'it',
  );
}
