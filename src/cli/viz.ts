import { pathToFileURL } from 'node:url';
import type { Command } from 'commander';
import { readFileBytes } from './files.ts';
import { OutputFile } from './output-file.ts';
import { type PageContent, pagePath, pageWith, readPage } from './page.ts';
import { contentOf, recordResults } from './recorded-results.ts';
import { readResults } from './results-file.ts';
import { servePage } from './serve-page.ts';

export interface VizOptions {
  readonly out?: string;
}

export function vizCommand(program: Command): void {
  program
    .command('viz')
    .description('the page: memory, batches and queues of two policies side by side, in a browser')
    .argument(
      '[file]',
      'results, whose run is repeated, or a .quire recording; without it, the page simulates',
    )
    .option('--out <file>', 'write the page there instead of serving it')
    .action(async (path: string | undefined, options: VizOptions) => {
      await viz(path, options);
    });
}

/** Serves the page until Ctrl-C, or writes it. */
export async function viz(path: string | undefined, options: VizOptions, pageFile = pagePath): Promise<void> {
  const html = await readPage(pageFile);
  const out = options.out === undefined ? undefined : new OutputFile('--out', options.out, [path, pageFile]);
  const text = path === undefined ? html : pageWith(html, await contentOfFile(path));
  if (out) {
    await out.write(text);
    process.stdout.write(`page: ${out.path}\n`);
    return;
  }
  // Without data the built file is the page: it needs no server.
  const local = path === undefined ? `\n(or open ${pathToFileURL(pageFile)})` : '';
  const server = await servePage(text);
  process.once('SIGINT', () => server.close());
  process.stdout.write(`${server.url}${local}\nCtrl-C ends\n`);
  await server.closed;
}

async function contentOfFile(path: string): Promise<PageContent> {
  if (/\.quire$/i.test(path)) {
    const { decodeRecordings } = await import('../trace/recording-file.ts');
    const recordings = await readFileBytes(path);
    // Looked into here: the message is better read before the page is open.
    const policies = (await decodeRecordings(recordings, path)).map(({ policy }) => policy);
    return { title: `Quire: ${policies.join(', ')}`, recordings };
  }
  const file = await readResults(path);
  const policies = file.experiment.results.map(({ policy }) => policy);
  const recorded = await recordResults(file, policies, path);
  return (await contentOf(file, recorded, Number.POSITIVE_INFINITY)).content;
}
