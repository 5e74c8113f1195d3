import { didYouMean } from '../core/did-you-mean.ts';
import { quoted, UsageError } from '../core/errors.ts';
import { type Alias, pickTarget } from './alias.ts';
import { notFound } from './api-error.ts';
import type { ServedModel } from './served-model.ts';

/** A model, and the name that it was asked by. */
export interface Routed {
  /** As the client said it: what `model` of the response repeats. */
  readonly asked: string;
  readonly model: ServedModel;
}

/** The models of a server, and the names that lead to them. */
export class ModelList {
  readonly models: readonly ServedModel[];
  readonly #byName = new Map<string, ServedModel>();
  readonly #aliases = new Map<string, Alias>();
  readonly #turns = new Map<Alias, number>();

  /** @throws UsageError for names that are taken twice, and aliases of nothing. */
  constructor(models: readonly ServedModel[], aliases: readonly Alias[] = []) {
    this.models = models;
    for (const model of models) {
      if (this.#byName.has(model.id)) {
        throw new UsageError(
          `two models are called ${quoted(model.id)}: give each a name with --served-model-name`,
        );
      }
      this.#byName.set(model.id, model);
    }
    for (const alias of aliases) this.#addAlias(alias);
  }

  #addAlias(alias: Alias): void {
    if (this.#byName.has(alias.name) || this.#aliases.has(alias.name)) {
      throw new UsageError(`--alias ${alias.name}: the name is taken`);
    }
    for (const { model } of alias.targets) {
      if (this.#byName.has(model)) continue;
      const names = [...this.#byName.keys()];
      const meant = didYouMean(model, names);
      throw new UsageError(
        `--alias ${alias.name}: there is no model ${quoted(model)}; ${meant === undefined ? `there are ${names.join(', ')}` : `did you mean ${meant}?`}`,
      );
    }
    this.#aliases.set(alias.name, alias);
    this.#turns.set(alias, 0);
  }

  /** Names that clients may say, models first. */
  get names(): readonly string[] {
    return [...this.#byName.keys(), ...this.#aliases.keys()];
  }

  /**
   * Which model a request is for. Without a name the only one, or the first (as in vLLM).
   * @throws ApiError 404
   */
  route(asked: string | null | undefined): Routed {
    if (asked === null || asked === undefined) {
      const model = this.models[0]!;
      return { asked: model.id, model };
    }
    const alias = this.#aliases.get(asked);
    const model = this.#byName.get(alias ? this.#next(alias) : asked);
    if (!model) throw notFound(`The model \`${asked.slice(0, 256)}\` does not exist.`, 'model');
    return { asked, model };
  }

  #next(alias: Alias): string {
    const turn = this.#turns.get(alias)!;
    this.#turns.set(alias, turn + 1);
    return pickTarget(alias, turn);
  }

  /** What a name says in `/v1/models`; undefined when there is none such. */
  card(name: string): object | undefined {
    const alias = this.#aliases.get(name);
    if (!alias) {
      const model = this.#byName.get(name);
      return model && cardOf(model.id, model, null);
    }
    const targets = alias.targets.map(({ model }) => this.#byName.get(model)!);
    // A client that goes by the context must be safe whichever it meets.
    const shortest = targets.reduce((least, model) => (contextOf(model) < contextOf(least) ? model : least));
    return cardOf(name, shortest, targets.length === 1 ? shortest.id : null);
  }
}

const contextOf = ({ engine }: ServedModel) => engine.info.limits.maxModelLen;

function cardOf(id: string, model: ServedModel, parent: string | null): object {
  const { created } = model;
  return {
    id,
    object: 'model',
    created,
    // Load generators and gateways know vLLM's dialect by it.
    owned_by: 'vllm',
    root: model.root,
    parent,
    max_model_len: contextOf(model),
    permission: [
      {
        id: `modelperm-${id}`,
        object: 'model_permission',
        created,
        allow_create_engine: false,
        allow_sampling: true,
        allow_logprobs: true,
        allow_search_indices: false,
        allow_view: true,
        allow_fine_tuning: false,
        organization: '*',
        group: null,
        is_blocking: false,
      },
    ],
  };
}
