import { type Command, Option } from 'commander';
import { composePolicy } from '../sim/check-config.ts';
import type { Config } from '../sim/config.ts';
import { checkTogether } from '../sim/relevance.ts';
import { addBackendFlags, addHubFlags, type BackendFlags, type HubFlags } from './backend-flags.ts';
import { announceBackend } from './chosen-backend.ts';
import { engineSettings } from './engine-settings.ts';
import { EventsOutput } from './events-output.ts';
import { addSettings, configOfFlags } from './flags.ts';
import { type PromptFlags, promptOfFlag, readPrompts, refuseWords } from './generate-prompts.ts';
import { addSamplingFlags, samplingOfFlags } from './generate-sampling.ts';
import { findModelFolder } from './model-source.ts';
import { OutputFile } from './output-file.ts';

export interface GenerateFlags extends BackendFlags, HubFlags, PromptFlags {
  readonly model?: string;
  readonly json?: boolean;
  readonly out?: string;
  readonly events?: readonly string[];
}

export function generateCommand(program: Command): void {
  const command = program
    .command('generate')
    .description('continues prompts with a real model, on a GPU or on the CPU')
    .addOption(
      new Option(
        '--model <folder|owner/name>',
        'of this machine, or of the hub (default: quire-stories, shipped)',
      ).helpGroup('Model:'),
    );
  addHubFlags(command);
  command
    .addOption(
      new Option(
        '--prompt <text>',
        "to be continued; '' stands for the start token alone; may be given again",
      ).argParser(promptOfFlag),
    )
    .option(
      '--prompts <file>',
      'JSON lines, {"prompt": …} or {"prompt_token_ids": […]}, each with sampling parameters of its own ' +
        '("max_tokens": …) if it likes; - is standard input',
    )
    .option('--json', 'print the outputs as JSON: text, token ids, finish reasons, times')
    .option('--out <file>', 'also write that JSON to a file')
    .addOption(
      new Option(
        '--events <file>',
        'also write what happened; the ending says how: .jsonl, .perfetto.json, .parquet, .quire (for quire viz); ' +
          'may be given again',
      ).argParser((path: string, earlier: string[] = []) => [...earlier, path]),
    );
  addSamplingFlags(command);
  command.addOption(
    new Option(
      '--seed <n>',
      'of all random numbers; a line of --prompts may have its own (default: 0)',
    ).helpGroup('Sampling:'),
  );
  addBackendFlags(command, 'webgpu where there is a GPU, else reference');
  command.addOption(
    new Option('--policy <name>', 'how requests are batched (quire policies) (default: vllm)').helpGroup(
      'Engine:',
    ),
  );
  addSettings(command, engineSettings);
  // Said below, with what is most likely meant.
  command.allowExcessArguments();
  command.action(async (options: Record<string, unknown>) => {
    refuseWords(command.args);
    await generate(options);
  });
}

async function generate(options: Record<string, unknown>): Promise<void> {
  const flags = options as GenerateFlags;
  const config = configOf(options);
  const policy = composePolicy(config.policy![0]!, config);
  const entries = await readPrompts(flags, samplingOfFlags(options));
  const inputs = [flags.prompts];
  const out = flags.out === undefined ? undefined : new OutputFile('--out', flags.out, inputs);
  const events = new EventsOutput(flags.events ?? [], inputs, out);
  const chosen = await announceBackend(flags);
  const source = await findModelFolder(flags.model, flags);
  // Here, so that other commands need not load an engine.
  const [{ runGenerate }, { generateDocument }, { contextText, generateText, logprobsText }] =
    await Promise.all([
      import('./generate-run.ts'),
      import('./generate-json.ts'),
      import('./generate-text.ts'),
    ]);
  const run = await runGenerate({ source, chosen, flags, config, policy, entries, events });
  for (const remark of [contextText(run), flags.json || out ? undefined : logprobsText(entries)]) {
    if (remark !== undefined) process.stderr.write(`quire: ${remark}\n`);
  }
  const json = `${JSON.stringify(generateDocument(run), null, 2)}\n`;
  await out?.write(json);
  if (flags.json) return void process.stdout.write(json);
  const files = [
    ...(out ? [`results: ${out.path}\n`] : []),
    ...(events.paths.length > 0 ? [`events: ${events.paths.join(', ')}\n`] : []),
  ];
  process.stdout.write(`${generateText(run)}\n${files.join('')}`);
}

/** The settings among the flags; others of the same name (`--n`) are sampling parameters here. */
function configOf(options: Record<string, unknown>): Config {
  const { policy = 'vllm' } = options;
  const given = configOfFlags(options, [...engineSettings, 'seed']);
  const config: Config = { ...given, policy: [String(policy)] };
  checkTogether(config);
  return config;
}
