import { UsageError } from '../core/errors.ts';
import { Request } from '../core/request.ts';
import type { SamplingParams } from '../core/sampling-params.ts';
import type { Seconds } from '../core/units.ts';
import type { RequestOutput, SampleUpdate } from './outputs.ts';
import { Sample } from './sample.ts';
import type { Detokenizer } from './sample-text.ts';
import { SequenceTokens } from './sequence-tokens.ts';
import type { CompiledStructure, StructureCompiler } from './structured/structure-compiler.ts';
import { ofStructure } from './structured/structure-error.ts';
import { StructureState } from './structured/structure-state.ts';

/** What a client asks of an engine. */
export interface GenerationSpec {
  /** The text that the ids were made from, for the output. */
  readonly prompt?: string | undefined;
  /** At least one. */
  readonly promptTokenIds: ArrayLike<number>;
  readonly params: SamplingParams;
  readonly priority?: number | undefined;
  readonly cacheSalt?: string | undefined;
  /** After each step that added to a sample. */
  readonly onUpdate?: ((update: SampleUpdate) => void) | undefined;
  /** Once, when it is over: finished, or aborted. */
  readonly onFinish?: ((output: RequestOutput) => void) | undefined;
}

/** What the engine adds to it. */
interface Site {
  readonly arrival: Seconds;
  /** Of sample i: this + i. */
  readonly seed: number;
  readonly eosTokenIds: readonly number[];
  readonly detokenizer: ((prompt: ArrayLike<number>) => Detokenizer) | undefined;
  readonly structures?: StructureCompiler | undefined;
}

/** A request that is really computed: the core's request with its text, its chance and its samples. */
export class GenerationRequest extends Request {
  readonly spec: GenerationSpec;
  readonly params: SamplingParams;
  readonly seed: number;
  readonly samples: readonly Sample[];
  /** End-of-sequence ids that end it. */
  readonly endIds: readonly number[];
  /** Not to be drawn before `minTokens`. */
  readonly endingIds: readonly number[];
  firstScheduled: Seconds = Number.NaN;
  firstToken: Seconds = Number.NaN;
  lastToken: Seconds = Number.NaN;

  /** @throws StructureError for a structure that the outputs cannot have. */
  constructor(id: number, spec: GenerationSpec, site: Site) {
    const { params } = spec;
    const sources = SequenceTokens.samples(Int32Array.from(spec.promptTokenIds), params.n);
    super(id, {
      arrival: site.arrival,
      promptTokens: spec.promptTokenIds.length,
      maxTokens: params.maxTokens,
      n: params.n,
      priority: spec.priority,
      cacheSalt: spec.cacheSalt,
      tokens: sources[0],
    });
    this.spec = spec;
    this.params = params;
    this.seed = site.seed;
    this.endIds = params.ignoreEos ? [] : site.eosTokenIds;
    this.endingIds = [...this.endIds, ...params.stopTokenIds];
    const structure = ofStructure(() => structureOf(params, site));
    this.samples = sources.map(
      (tokens, i) =>
        new Sample(
          i,
          tokens,
          params,
          site.detokenizer?.(tokens.prompt),
          structure && ofStructure(() => new StructureState(structure, this.endingIds)),
        ),
    );
  }

  output(finished: Seconds): RequestOutput {
    return {
      requestId: this.id,
      prompt: this.spec.prompt,
      promptTokenIds: Array.from(this.spec.promptTokenIds),
      outputs: this.samples.map(sample => sample.completion()),
      metrics: {
        arrival: this.arrival,
        firstScheduled: this.firstScheduled,
        firstToken: this.firstToken,
        lastToken: this.lastToken,
        finished,
        preemptions: this.numPreemptions,
        cachedTokens: this.numCachedTokens,
      },
    };
  }
}

function structureOf({ structure }: SamplingParams, { structures }: Site): CompiledStructure | undefined {
  if (structure === undefined) return undefined;
  if (structures) return structures.compile(structure);
  throw new UsageError(
    'structured outputs need to know the text of each token, which this engine does not: load a model with its tokenizer',
  );
}

/** The samples behind the core's sequences: an engine gives its scheduler nothing else. */
export function asGeneration(request: Request): GenerationRequest {
  return request as GenerationRequest;
}
