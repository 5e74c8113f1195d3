import { onTestFinished } from 'vitest';
import { apis, type BackendName, type Prompt } from '../../src/client/api.ts';
import { HttpClient } from '../../src/client/http-client.ts';
import { clock, measure, type RequestRecord } from '../../src/client/request-record.ts';

export function clientOf(url: string, headers: Readonly<Record<string, string>> = {}): HttpClient {
  const client = new HttpClient({ baseUrl: new URL(url), headers });
  onTestFinished(() => client.close());
  return client;
}

/** One request to a server, measured. */
export async function ask(
  client: HttpClient,
  { backend = 'openai' as BackendName, tokens = 4, prompt = 'a b c' as Prompt } = {},
): Promise<RequestRecord> {
  const api = apis[backend];
  const defaults = { model: 'fake', ignoreEos: false, extraBody: {} };
  const body = Buffer.from(JSON.stringify(api.body(prompt, tokens, defaults, {})));
  const request = { body, promptTokens: 3, headers: {}, arrival: clock() };
  return await measure(client, request, { api, path: api.path, keepText: true });
}

/** A record with the times of `count` tokens, one each `gap` after `ttft`. */
export function record(of: Partial<RequestRecord> & { readonly startTime: number }): RequestRecord {
  const { ttft = 0.1, itl = [] } = of;
  return {
    success: true,
    promptTokens: 10,
    outputTokens: 1 + itl.length,
    ttft,
    itl,
    latency: itl.reduce((sum, gap) => sum + gap, ttft),
    queueTime: 0,
    text: '',
    error: '',
    hasUsage: true,
    ...of,
  };
}
