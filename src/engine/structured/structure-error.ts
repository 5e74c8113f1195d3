import { UsageError } from '../../core/errors.ts';

/** What was asked of an output is not understood, cannot be, or takes too much. */
export class StructureError extends UsageError {
  override name = 'StructureError';
  /** The field of a request that says it, where it is known from the error alone. */
  readonly field: string | undefined;

  constructor(message: string, field?: string) {
    super(message);
    this.field = field;
  }
}

/** Whatever is wrong in it is wrong with the structure. @throws StructureError for a UsageError */
export function ofStructure<T>(act: () => T, field?: string): T {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof UsageError) || error instanceof StructureError) throw error;
    throw new StructureError(error.message, field);
  }
}
