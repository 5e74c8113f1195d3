import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { UsageError } from '../core/errors.ts';

export interface PageServer {
  readonly url: string;
  close(): void;
  readonly closed: Promise<void>;
}

/** Serves one page and nothing else, to this machine alone, at a port that is free. */
export async function servePage(text: string): Promise<PageServer> {
  const body = Buffer.from(text);
  const server = createServer((request, response) => {
    const status = statusOf(request, (server.address() as AddressInfo).port);
    if (status !== 200) {
      response.writeHead(status, { 'content-type': 'text/plain', 'content-length': 0 }).end();
      return;
    }
    const headers = { 'content-type': 'text/html; charset=utf-8', 'content-length': body.length };
    response.writeHead(200, { ...headers, 'cache-control': 'no-store' });
    response.end(request.method === 'HEAD' ? undefined : body);
  });
  const closed = new Promise<void>(resolve => server.once('close', resolve));
  await new Promise<void>((resolve, reject) => {
    server.once('error', ({ message }) =>
      reject(new UsageError(`the page cannot be served (${message}); write it to a file with --out`)),
    );
    server.listen(0, '127.0.0.1', resolve);
  });
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, close, closed };
}

function statusOf({ headers, url, method }: IncomingMessage, port: number): number {
  // A name that somebody else's DNS leads here is none of ours.
  if (![`127.0.0.1:${port}`, `localhost:${port}`].includes(headers.host ?? '')) return 403;
  if (url?.split('?')[0] !== '/') return 404;
  return method === 'GET' || method === 'HEAD' ? 200 : 405;
}
