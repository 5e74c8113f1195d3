import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

export const COMMIT = 'c0ffee00'.repeat(5);

/** What the next request for a file gets instead of the file. */
export type Fault =
  | { readonly status: number; readonly headers?: Record<string, string> }
  | { readonly cutAfter: number }
  | { readonly silentAfter: number }
  | { readonly bytes: Uint8Array };

/**
 * As much of the hub as a download meets, on this machine: revisions, the list of files, and files that are sent on
 * to another address, in ranges.
 */
export class HubServer {
  readonly files: Map<string, Uint8Array>;
  /** Of a file by its path; taken one by one. */
  readonly faults = new Map<string, Fault[]>();
  /** Method, path and range of each request for a file. */
  readonly served: string[] = [];
  readonly authorizations = new Set<string | undefined>();
  commit = COMMIT;
  ranges = true;
  /** Answers of the API itself, taken one by one. */
  readonly apiFaults: { readonly status: number; readonly headers?: Record<string, string> }[] = [];
  apiRequests = 0;
  /** Answers with shards wait until so many are asked for at once, and a moment for one too many. */
  shardsHeld = 0;
  inFlight = 0;
  mostInFlight = 0;
  #letGo: (() => void)[] | undefined = [];
  endpoint = '';

  constructor(files: Readonly<Record<string, Uint8Array | string>>) {
    this.files = new Map(Object.entries(files).map(([path, content]) => [path, Buffer.from(content)]));
  }

  async start(): Promise<this> {
    const server = createServer((request, response) => this.#answer(request, response));
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    this.endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    onTestFinished(
      () =>
        new Promise<void>(resolve => {
          server.close(() => resolve());
          server.closeAllConnections();
        }),
    );
    return this;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { pathname } = new URL(request.url!, this.endpoint);
    this.authorizations.add(request.headers.authorization);
    const [, ...parts] = pathname.split('/').map(decodeURIComponent);
    if (parts[0] === 'api') {
      this.apiRequests++;
      const fault = this.apiFaults.shift();
      if (fault) return void response.writeHead(fault.status, fault.headers).end('{"error":"no"}');
      if (parts.slice(1, 4).join('/') !== 'models/me/tiny') return void response.writeHead(404).end('{}');
      if (parts[4] === 'revision' && !['main', 'v1', COMMIT].includes(parts[5]!)) {
        return void response.writeHead(404, { 'X-Error-Code': 'RevisionNotFound' }).end('{}');
      }
      response.setHeader('Content-Type', 'application/json');
      if (parts[4] === 'revision')
        return void response.end(JSON.stringify({ id: 'me/tiny', sha: this.commit }));
      return void response.end(JSON.stringify([...this.files].map(([path, bytes]) => listed(path, bytes))));
    }
    const path = parts.at(-1)!;
    if (parts[2] === 'resolve') return void response.writeHead(302, { Location: `/cdn/${path}` }).end();
    this.#file(path, request, response);
  }

  #file(path: string, request: IncomingMessage, response: ServerResponse): void {
    this.served.push(`${path} ${request.headers.range ?? 'all'}`);
    this.mostInFlight = Math.max(this.mostInFlight, ++this.inFlight);
    let answers = true;
    // Before its end is sent: who has read that may ask again before the response is closed here.
    const over = () => {
      if (answers) this.inFlight--;
      answers = false;
    };
    response.on('close', over);
    const fault = this.faults.get(path)?.shift();
    if (fault && 'status' in fault) return void response.writeHead(fault.status, fault.headers).end();
    const whole = fault && 'bytes' in fault ? fault.bytes : this.files.get(path)!;
    const from = this.ranges ? Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0) : 0;
    if (from > 0 && from >= whole.length) return void response.writeHead(416).end();
    const range = from > 0 && { 'Content-Range': `bytes ${from}-${whole.length - 1}/${whole.length}` };
    const body = whole.subarray(from);
    response.writeHead(range ? 206 : 200, { 'Content-Length': body.length, ...range });
    if (fault && 'cutAfter' in fault)
      response.write(body.subarray(0, fault.cutAfter), () => response.destroy());
    else if (fault && 'silentAfter' in fault) response.write(body.subarray(0, fault.silentAfter));
    else {
      const end = () => {
        over();
        response.end(body);
      };
      if (this.shardsHeld > 0 && /-of-/.test(path)) this.#hold(end);
      else end();
    }
  }

  #hold(end: () => void): void {
    if (!this.#letGo) {
      end();
      return;
    }
    this.#letGo.push(end);
    if (this.#letGo.length !== this.shardsHeld) return;
    setTimeout(() => {
      const held = this.#letGo!;
      this.#letGo = undefined;
      for (const one of held) one();
    }, 50);
  }
}

function listed(path: string, bytes: Uint8Array) {
  const hash = (algorithm: string, prefix = '') =>
    createHash(algorithm).update(prefix).update(bytes).digest('hex');
  const oid = hash('sha1', `blob ${bytes.length}\0`);
  const isLarge = /\.(safetensors|bin)$/.test(path);
  const lfs = { oid: hash('sha256'), size: bytes.length, pointerSize: 130 };
  return { type: 'file', path, size: bytes.length, oid, ...(isLarge && { lfs }) };
}
