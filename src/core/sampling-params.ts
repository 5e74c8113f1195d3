/** A tool that a model may call. */
export interface ToolSchema {
  readonly name: string;
  /** JSON schema of its arguments, as text. */
  readonly parameters: string;
}

/** What the text of an output must be; data only. `compact`: JSON without white space. */
export type Structure =
  | { readonly type: 'json_object'; readonly compact?: boolean | undefined }
  /** `schema`: as text. */
  | { readonly type: 'json_schema'; readonly schema: string; readonly compact?: boolean | undefined }
  /** The whole text matches; JavaScript's, without lookarounds and backreferences. */
  | { readonly type: 'regex'; readonly pattern: string }
  | { readonly type: 'choice'; readonly choices: readonly string[] }
  /** EBNF, from the rule `root` on. */
  | { readonly type: 'grammar'; readonly grammar: string }
  /** One call, or up to `most`. */
  | { readonly type: 'tool_calls'; readonly tools: readonly ToolSchema[]; readonly most: number };

/** How the next token is drawn, in vLLM's words and with its defaults. */
export interface SamplingParams {
  /** 0: the most likely token, always. Default 1. */
  readonly temperature: number;
  /** Only the k most likely; 0: all. Default 0. */
  readonly topK: number;
  /** Only the most likely that together reach this probability, in (0, 1]. Default 1. */
  readonly topP: number;
  /** Only tokens at least this share as likely as the most likely one, in [0, 1]. Default 0. */
  readonly minP: number;
  /** Subtracted from the logit of every token already in the output, in [−2, 2]. Default 0. */
  readonly presencePenalty: number;
  /** The same, times how often it is there. Default 0. */
  readonly frequencyPenalty: number;
  /** Logits of tokens in prompt or output are divided by it where positive, multiplied where negative. Default 1. */
  readonly repetitionPenalty: number;
  /** Added to the logits of these token ids. */
  readonly logitBias: ReadonlyMap<number, number>;
  /** Log-probabilities of this many most likely tokens beside that of the drawn one; absent: none at all. */
  readonly logprobs: number | undefined;
  /** The same seed gives the same tokens, whatever else is in the batch; absent: the engine picks one. */
  readonly seed: number | undefined;
  /** Tokens to generate at most. Default 16. */
  readonly maxTokens: number;
  /** No end of sequence or stop before this many. Default 0. */
  readonly minTokens: number;
  /** Texts that end the output; not part of it. */
  readonly stop: readonly string[];
  /** Token ids that end the output. */
  readonly stopTokenIds: readonly number[];
  /** Go on past the model's end of sequence. Default false. */
  readonly ignoreEos: boolean;
  /** Samples of one prompt. Default 1. */
  readonly n: number;
  /** What the text of each output must be; absent: anything. */
  readonly structure?: Structure | undefined;
}
