import type { SlotKind } from '../../../src/core/kv-memory.ts';
import type { Seconds, Tokens } from '../../../src/core/units.ts';

/** A model of the server, as it says it of itself. */
export interface LiveModel {
  readonly id: string;
  readonly policy: string;
  readonly backend: string;
  readonly device: string;
  readonly dtype: string;
  /** Whether its engine can be recorded; else there are figures alone. */
  readonly records: boolean;
}

/** Gauges, and counters since the engine began. */
export interface Figures {
  /** On the engine's clock. */
  readonly time: Seconds;
  readonly running: number;
  readonly waiting: number;
  /** Why the head of the queue waits, in words. */
  readonly waitingFor?: string;
  readonly usage: Readonly<Record<SlotKind, Tokens>>;
  readonly steps: number;
  readonly promptTokens: Tokens;
  readonly outputTokens: Tokens;
  readonly preemptions: number;
  readonly prefixQueries: Tokens;
  readonly prefixHits: Tokens;
}

/** What a server tells a page that looks at one of its engines. */
export type LiveEvent =
  /** `run`: another one after each start of the server. `model`: the one that is looked at. */
  | {
      readonly type: 'hello';
      readonly run: string;
      readonly model: string;
      readonly models: readonly LiveModel[];
    }
  | { readonly type: 'figures'; readonly state: 'serving' | 'draining' | 'failed'; readonly figures: Figures }
  | { readonly type: 'recording'; readonly number: number; readonly bytes: number };

/** Server-sent events, one at a time, as the server writes them: `data:` and a line of JSON. */
export async function* liveEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<LiveEvent> {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let text = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      text += decoder.decode(value, { stream: true });
      const events = text.split('\n\n');
      text = events.pop()!;
      for (const event of events)
        if (event.startsWith('data: ')) yield JSON.parse(event.slice('data: '.length));
    }
  } finally {
    reader.releaseLock();
  }
}
