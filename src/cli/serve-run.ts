import { pino } from 'pino';
import { ModelList } from '../server/model-list.ts';
import type { ServedModel } from '../server/served-model.ts';
import { Server } from '../server/server.ts';
import { readPage } from './page.ts';
import { readyLine } from './ready-line.ts';
import { openDoor, type ServeSettings } from './serve-flags.ts';

/** Serves until a signal, or until an engine dies; the exit code says which. */
export async function runServer(loaded: readonly ServedModel[], settings: ServeSettings): Promise<void> {
  const { options, address, aliases, shutdownTimeout, logLevel } = settings;
  const destination = pino.destination({ dest: 2, sync: true });
  const log = pino(
    {
      level: logLevel,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      // By its name, as --log-level has it; else it is a number of pino's.
      formatters: { level: label => ({ level: label }) },
    },
    destination,
  );
  let server: Server;
  try {
    const models = new ModelList(loaded, aliases);
    server = await Server.start({ models, options, address, log, page: readPage });
  } catch (error) {
    await Promise.all(loaded.map(({ engine }) => engine.close()));
    throw error;
  }
  let failure: Error | undefined;
  const ended = new Promise<void>(resolve => {
    const stop = () => void server.stop(shutdownTimeout).then(() => resolve());
    let asked = false;
    const signalled = (signal: NodeJS.Signals, number: number) => {
      if (asked) {
        log.warn({ signal }, 'a second signal: ending at once');
        process.exit(128 + number);
      }
      asked = true;
      log.info({ signal }, 'signal');
      stop();
    };
    process.on('SIGTERM', signal => signalled(signal, 15));
    process.on('SIGINT', signal => signalled(signal, 2));
    void server.failed.then(error => {
      failure = error;
      stop();
    });
  });
  const warning = openDoor(settings);
  if (warning !== undefined) process.stderr.write(`quire: ${warning}\n`);
  process.stdout.write(`${readyLine(server.url, loaded, options.apiKeys.length > 0)}\n`);
  await ended;
  // Whatever the level of the log: who finds the process gone is to know why.
  if (failure) process.stderr.write(`quire: ${failure.message}; the server has stopped\n`);
  process.exit(failure ? 1 : 0);
}
