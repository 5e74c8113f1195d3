import type { Bytes } from '../core/units.ts';
import { ApiError, invalidBody } from './api-error.ts';
import { Turnstile } from './turnstile.ts';

/** Of all requests with a body: to parse, check and encode what they bring is the most that is done at a time. */
const entrance = new Turnstile();

/**
 * The JSON object that a request brings, when it is its turn to be served.
 * @throws ApiError 413 when it is too large, 415 when it is called something else, 400 when it is not JSON.
 */
export async function readBody(request: Request, limit: Bytes): Promise<Record<string, unknown>> {
  const [type = ''] = (request.headers.get('content-type') ?? '').toLowerCase().split(/[ \t]*;/);
  if (type !== 'application/json' && !type.endsWith('+json')) {
    const message = "Unsupported Media Type: Only 'application/json' is allowed";
    throw new ApiError(415, 'Unsupported Media Type', 'invalid', message);
  }
  const bytes = await readBytes(request, limit);
  await entrance.pass();
  let body: unknown;
  try {
    body = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    const why = error instanceof SyntaxError ? 'not valid JSON' : 'not valid UTF-8';
    throw invalidBody(`The body is ${why}.`);
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw invalidBody('The body must be a JSON object.');
  }
  return body as Record<string, unknown>;
}

async function readBytes(request: Request, limit: Bytes): Promise<Uint8Array> {
  const length = request.headers.get('content-length');
  if (length !== null) {
    if (Number(length) > limit) throw tooLarge(limit);
    // No more than that comes in. As a stream it would cost as much as all else that is done with a request.
    return new Uint8Array(await request.arrayBuffer());
  }
  if (!request.body) return new Uint8Array(0);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body as ReadableStream<Uint8Array> & AsyncIterable<Uint8Array>) {
    size += chunk.byteLength;
    if (size > limit) throw tooLarge(limit);
    chunks.push(chunk);
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
}

function tooLarge(limit: Bytes): ApiError {
  const message = `The body is larger than the ${limit} bytes that this server takes.`;
  return new ApiError(413, 'Request Entity Too Large', 'invalid', message);
}
