import { type Command, Option } from 'commander';
import { UsageError } from '../core/errors.ts';
import type { Bytes } from '../core/units.ts';
import { checkAddress } from '../server/address.ts';
import { composePolicy } from '../sim/check-config.ts';
import type { Config } from '../sim/config.ts';
import { checkTogether } from '../sim/relevance.ts';
import { addBackendFlags, addHubFlags, type BackendFlags, type HubFlags } from './backend-flags.ts';
import { engineSettings } from './engine-settings.ts';
import { addSettings, configOfFlags, flagName, optionName } from './flags.ts';
import { addServeFlags, serveSettingsOf } from './serve-flags.ts';

/** Those that only a GPU has which is simulated. */
const simulatedKeys = [
  'gpu',
  'tensor_parallel',
  'weights',
  'kv_cache_dtype',
  'gpu_memory_utilization',
  'profile',
  'enforce_eager',
  'kv_slots',
] as const;

const several = (one: string, earlier: string[] = []) => [...earlier, one];

export function serveCommand(program: Command): void {
  const command = program
    .command('serve')
    .description('serves models over HTTP as OpenAI and vLLM do, on a GPU, on the CPU or on a simulated GPU')
    .addOption(
      new Option(
        '--model <folder|owner/name>',
        'of this machine, or of the hub; of the catalogue (quire models) with --backend simulated; again for more ' +
          'models (default: quire-stories, shipped)',
      )
        .argParser(several)
        .helpGroup('Model:'),
    );
  addHubFlags(command);
  addServeFlags(command);
  addBackendFlags(command, 'webgpu where there is a GPU, else reference');
  adjustBackendFlags(command);
  command.addOption(
    new Option('--policy <name>', 'how requests are batched (quire policies) (default: vllm)').helpGroup(
      'Engine:',
    ),
  );
  command.addOption(
    new Option('--seed <n>', 'of requests that bring none (default: 0)').helpGroup('Engine:'),
  );
  addSettings(command, engineSettings);
  addSettings(command, simulatedKeys, 'Simulated GPU (--backend simulated):');
  command.action(async (options: Record<string, unknown>) => {
    await serve(options);
  });
}

/** Here a GPU may be simulated, and models may have memory each. */
function adjustBackendFlags(command: Command): void {
  for (const option of command.options) {
    const { parseArg: parse } = option;
    if (!parse) continue;
    if (option.attributeName() === 'backend') {
      option.description = `simulated (a GPU of the catalogue, in real time), ${option.description}`;
      option.argParser((text: string) => (isSimulated(text) ? 'simulated' : parse(text, undefined as never)));
    } else if (option.attributeName() === 'gpuMemory') {
      option.description += '; of several models: once, to be shared evenly, or once for each';
      option.argParser((text: string, earlier: Bytes[] = []) => [
        ...earlier,
        Number(parse(text, undefined as never)),
      ]);
    }
  }
}

const isSimulated = (text: string) => text.toLowerCase() === 'simulated';

async function serve(options: Record<string, unknown>): Promise<void> {
  const settings = serveSettingsOf(options);
  const simulated = options['backend'] === 'simulated';
  const config = configOf(options, simulated);
  composePolicy(config.policy![0]!, config);
  const {
    gpuMemory = [],
    backend,
    ...backendFlags
  } = options as {
    gpuMemory?: readonly Bytes[];
    backend?: string;
  };
  if (simulated) refuseRealFlags(options);
  // Here, so that other commands need not load a server.
  const [{ loadModels }, { runServer }] = await Promise.all([
    import('./serve-models.ts'),
    import('./serve-run.ts'),
  ]);
  await checkAddress(settings.address);
  const models = await loadModels({
    models: options['model'] as readonly string[] | undefined,
    names: settings.names,
    chatTemplate: settings.chatTemplate,
    gpuMemory,
    simulated,
    backend: { ...backendFlags, ...(!simulated && backend !== undefined && { backend }) } as BackendFlags,
    hub: options as HubFlags,
    config,
  });
  await runServer(models, settings);
}

function refuseRealFlags(options: Record<string, unknown>): void {
  const flags = {
    adapter: '--adapter',
    dtype: '--dtype',
    gpuMemory: '--gpu-memory',
    unsafeFast: '--unsafe-fast',
    revision: '--revision',
    token: '--token',
    offline: '--offline',
  };
  for (const [key, flag] of Object.entries(flags)) {
    if (options[key] === undefined) continue;
    throw new UsageError(
      `${flag} has no effect on the simulated backend, which loads no model; leave it out`,
    );
  }
}

function configOf(options: Record<string, unknown>, simulated: boolean): Config {
  const { policy = 'vllm' } = options;
  for (const key of simulatedKeys) {
    if (simulated || options[optionName(key)] === undefined) continue;
    throw new UsageError(`${flagName(key)} needs --backend simulated`);
  }
  const given = configOfFlags(options, [...engineSettings, ...simulatedKeys, 'seed']);
  const config: Config = { ...given, policy: [String(policy)] };
  checkTogether(config);
  return config;
}
