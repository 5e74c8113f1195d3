import type { Server as HttpServer, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import type { Hono } from 'hono';
import { type Bytes, KiB, type Seconds } from '../core/units.ts';
import { type Address, listenError } from './address.ts';
import { ApiError } from './api-error.ts';
import type { AppEnv } from './app.ts';

/** All headers of a request together. */
const MAX_HEADERS: Bytes = 16 * KiB;
/** For a request to come in, body and all; a client may well wait longer for the answer. */
const REQUEST_WITHIN: Seconds = 60;
const HEADERS_WITHIN: Seconds = 20;
/** Longer than proxies keep theirs, so that it is not we who close first. */
const KEEP_ALIVE: Seconds = 75;

/** An app behind a port of this machine. */
export class NodeServer {
  readonly port: number;
  readonly url: string;
  readonly #server: HttpServer;
  /** That are not out yet. */
  #responses = 0;
  #answered: (() => void) | undefined;

  private constructor(server: HttpServer) {
    const { address, family, port } = server.address() as AddressInfo;
    this.#server = server;
    server.on('request', (_request, response: ServerResponse) => {
      this.#responses++;
      response.once('close', () => {
        if (--this.#responses === 0) this.#answered?.();
      });
    });
    this.port = port;
    this.url = `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
  }

  /** @throws UsageError when the port or the host cannot be had. */
  static async listen(app: Hono<AppEnv>, address: Address): Promise<NodeServer> {
    const server = createAdaptorServer({
      fetch: app.fetch,
      overrideGlobalObjects: false,
      serverOptions: {
        maxHeaderSize: MAX_HEADERS,
        requestTimeout: REQUEST_WITHIN * 1000,
        headersTimeout: HEADERS_WITHIN * 1000,
        keepAliveTimeout: KEEP_ALIVE * 1000,
        // Tokens are small and must not wait for one another.
        noDelay: true,
      },
    }) as HttpServer;
    server.on('clientError', refuse);
    const { host, port } = address;
    await new Promise<void>((resolve, reject) => {
      server.once('error', error => reject(listenError(error, address)));
      server.listen(port, host, resolve);
    });
    return new NodeServer(server);
  }

  /**
   * Lets responses that are under way go out, though not for longer than this, then closes the port and all
   * connections.
   */
  async close(within: Seconds): Promise<void> {
    // First, as Node's own close cuts responses that are written but not yet taken.
    if (this.#responses > 0) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>(resolve => {
        this.#answered = resolve;
        timer = setTimeout(resolve, within * 1000);
      });
      clearTimeout(timer);
    }
    const closed = new Promise<void>(resolve => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }
}

/** What is no HTTP, or too much of it: an answer in the shape of all others, and the end of the connection. */
function refuse(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const { status, reason } = statusOf(error.code);
  const body = JSON.stringify(new ApiError(status, reason, 'invalid', reason).body);
  socket.end(
    `HTTP/1.1 ${status} ${reason}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n` +
      `connection: close\r\n\r\n${body}`,
  );
}

function statusOf(code: string | undefined): { status: number; reason: string } {
  if (code === 'HPE_HEADER_OVERFLOW') return { status: 431, reason: 'Request Header Fields Too Large' };
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return { status: 408, reason: 'Request Timeout' };
  return { status: 400, reason: 'Bad Request' };
}
