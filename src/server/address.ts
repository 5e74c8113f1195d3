import { createServer } from 'node:net';
import { UsageError } from '../core/errors.ts';

/** Where a server listens. */
export interface Address {
  readonly host: string;
  /** 0: one that is free. */
  readonly port: number;
}

/** Whether an address can be had: to be known before a model is loaded for it. @throws UsageError when it cannot. */
export async function checkAddress(address: Address): Promise<void> {
  const { host, port } = address;
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', error => reject(listenError(error, address)));
    server.listen(port, host, resolve);
  });
  await new Promise<void>(resolve => {
    server.close(() => resolve());
  });
}

/** Why an address cannot be had, in words. */
export function listenError(error: NodeJS.ErrnoException, { host, port }: Address): UsageError {
  switch (error.code) {
    case 'EADDRINUSE':
      return new UsageError(`port ${port} of ${host} is taken by another program: name another with --port`);
    case 'EACCES':
      return new UsageError(`port ${port} may not be used by this user: name one from 1024 on with --port`);
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EINVAL':
      return new UsageError(
        `--host ${host} is no address of this machine: 127.0.0.1 serves this machine alone, 0.0.0.0 the network`,
      );
    default:
      return new UsageError(`cannot listen on ${host}:${port}: ${error.message}`);
  }
}

/** Whether only this machine can reach it. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}
