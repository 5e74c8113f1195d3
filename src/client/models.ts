import type { HttpClient } from './http-client.ts';
import { ServerError } from './server-error.ts';

/** The id of the first model that the server has. @throws ServerError when it has none, or does not say. */
export async function firstModel(client: HttpClient): Promise<string> {
  const answer = (await client.getJson('/v1/models')) as { data?: unknown } | null;
  const [first] = Array.isArray(answer?.data) ? (answer.data as ({ id?: unknown } | null)[]) : [];
  if (typeof first?.id === 'string') return first.id;
  throw new ServerError('/v1/models: the server lists no model; name one with --model', 200);
}
