import type { Tokenizer } from '../backends/model/tokenizer.ts';
import type { EngineClient } from '../engine/engine-client.ts';
import type { ChatTemplate } from './chat-template.ts';
import type { GenerationDefaults } from './generation-defaults.ts';

/** A model that clients can ask, under a name. */
export interface ServedModel {
  /** As clients say it in `model`. */
  readonly id: string;
  /** What it was loaded from, for `/v1/models`. */
  readonly root: string;
  /** Unix time in seconds. */
  readonly created: number;
  readonly engine: EngineClient;
  readonly tokenizer: Tokenizer;
  /** Undefined where the model has none. */
  readonly chatTemplate: ChatTemplate | undefined;
  readonly defaults: GenerationDefaults;
  /** Whether the policy orders its queue by `priority`. */
  readonly ordersByPriority: boolean;
  /** Whether prefixes are found again. */
  readonly cachesPrefixes: boolean;
}
