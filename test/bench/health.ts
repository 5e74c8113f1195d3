import { type Agent, get } from 'node:http';

/** Milliseconds that a server takes to say that it is well. */
export function health(port: number, agent: Agent): Promise<number> {
  const begin = performance.now();
  return new Promise((done, failed) => {
    get({ port, host: '127.0.0.1', path: '/health', agent }, response => {
      response.resume();
      response.on('end', () => done(performance.now() - begin));
    }).on('error', failed);
  });
}
