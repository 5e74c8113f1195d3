import type { ServedModel } from '../server/served-model.ts';

/** What a server that is ready says: where it is, where it can be watched, and a request to try. */
export function readyLine(url: string, models: readonly ServedModel[], needsKey: boolean): string {
  const names = models.map(({ id, engine }) => `${id} (${engine.info.backend}, ${engine.info.device})`);
  const body = JSON.stringify({ model: models[0]!.id, prompt: 'Once upon a time', max_tokens: 60 });
  // As people type it: an address that stands for all is none to call.
  const callable = url.replace('//0.0.0.0', '//127.0.0.1').replace('//[::]', '//127.0.0.1');
  // Not the key itself: what a program says is kept in logs.
  const key = needsKey ? "-H 'authorization: Bearer KEY' " : '';
  return (
    `quire serves ${names.join(', ')} at ${url}\nlook: ${callable}/dashboard\ntry: ` +
    `curl ${callable}/v1/completions ${key}-H 'content-type: application/json' -d '${body.replaceAll("'", "'\\''")}'`
  );
}
