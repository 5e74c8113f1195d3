import { completeParams, type SamplingOptions } from '../../src/engine/complete-params.ts';
import type { Ask, EngineClient, Heard, Ticket } from '../../src/engine/engine-client.ts';
import type { RequestOutput, SampleUpdate } from '../../src/engine/outputs.ts';

/** What a listener heard of one request, and how it ended. */
export class Listening implements Heard {
  readonly updates: SampleUpdate[] = [];
  /** In order: `update`, then `over` or `failed`, once. */
  readonly calls: string[] = [];
  readonly end: Promise<RequestOutput | Error>;
  onUpdate: ((update: SampleUpdate) => void) | undefined;
  #resolve: (end: RequestOutput | Error) => void = () => undefined;

  constructor() {
    this.end = new Promise(resolve => {
      this.#resolve = resolve;
    });
  }

  update(update: SampleUpdate): void {
    this.calls.push('update');
    this.updates.push(update);
    this.onUpdate?.(update);
  }

  over(output: RequestOutput): void {
    this.calls.push('over');
    this.#resolve(output);
  }

  failed(error: Error): void {
    this.calls.push('failed');
    this.#resolve(error);
  }

  /** Its output. @throws what it failed with. */
  async output(): Promise<RequestOutput> {
    const end = await this.end;
    if (end instanceof Error) throw end;
    return end;
  }
}

export function ask(
  promptTokenIds: readonly number[],
  options: SamplingOptions,
  rest: Partial<Ask> = {},
): Ask {
  return { promptTokenIds, params: completeParams(options), ...rest };
}

export async function add(client: EngineClient, question: Ask): Promise<Listening & { ticket: Ticket }> {
  const listening = new Listening();
  const ticket = await client.add(question, listening);
  return Object.assign(listening, { ticket });
}

/** Until it holds; a test that waits for ever fails by its time limit. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise(resolve => setTimeout(resolve, 2));
}
