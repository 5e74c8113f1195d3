import type { ServedModel } from '../served-model.ts';

/** On every metric of a model. */
export const modelLabels = ['model_name', 'engine'] as const;

/** `engine`: each model has one. */
export function labelsOf({ id }: ServedModel): { model_name: string; engine: string } {
  return { model_name: id, engine: '0' };
}
