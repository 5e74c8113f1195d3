import { unknownName } from '../core/did-you-mean.ts';
import { UsageError } from '../core/errors.ts';
import { admissions } from '../core/policies/admissions.ts';
import { orders } from '../core/policies/orders.ts';
import type { Policy } from '../core/policies/policy.ts';
import { findPolicy, policies } from '../core/policies/registry.ts';
import { victims } from '../core/policies/victims.ts';
import type { FullConfig } from './build-workload.ts';
import { type Config, configDefaults, type SettingKey } from './config.ts';
import { checkEngine, type OverheadProfile, overheadsOf } from './cost/overhead-profile.ts';
import type { KvPrecision, WeightPrecision } from './cost/precision.ts';
import type { Deployment } from './deployment.ts';
import { type EngineSetup, setUpEngine } from './engine-setup.ts';
import { findGpu, gpus } from './hardware/catalogue.ts';
import type { KernelChoice } from './kernels/open-kernels.ts';
import type { Model } from './models/model.ts';
import { checkTogether, isRead } from './relevance.ts';
import { settings } from './settings.ts';

/** What a config names, and only the caller has. */
export interface Given {
  /** Policies of the caller's own, which a config may name beside the known ones. */
  readonly policies?: readonly Policy[];
  /** The measured kernels that the config names. */
  readonly kernels?: KernelChoice;
  /** The profile that the config names. */
  readonly profile?: OverheadProfile;
}

const DEFAULT_REPLICATIONS = 5;

/** Fills in the defaults. */
export function completeConfig(config: Config): FullConfig {
  checkTogether(config);
  const replications = config.replications ?? (config.trace ? 1 : DEFAULT_REPLICATIONS);
  return { ...configDefaults, ...config, replications };
}

/** The settings that have an effect: what results and `--print-config` show, and can be run again. */
export function effectiveConfig(config: FullConfig): Config {
  return Object.fromEntries(
    (Object.keys(settings) as SettingKey[])
      .filter(key => config[key] !== undefined && isRead(key, config))
      .map(key => [key, config[key]]),
  ) as Config;
}

/** Looks up all that a config names. @throws UsageError for what does not exist or cannot be. */
export function checkConfig(config: FullConfig, model: Model, given: Given = {}): EngineSetup[] {
  const deployment = deploymentOf(config, model);
  const repeated = config.policy.find((name, i) => config.policy.indexOf(name) !== i);
  if (repeated) throw new UsageError(`policy ${repeated} is named twice`);
  const chosen = config.policy.map(name => composePolicy(name, config, given.policies));
  if (given.profile) checkEngine(given.profile, chosen);
  const { max_model_len: longest } = config;
  if (longest !== undefined && longest > model.maxModelLen) {
    throw new UsageError(
      `--max-model-len ${longest} is more than the context of ${model.name}, ${model.maxModelLen} tokens; lower it`,
    );
  }
  return chosen.map(policy => setUp(policy, config, deployment, given));
}

/** @throws UsageError for a GPU that is not known. */
export function deploymentOf(config: FullConfig, model: Model): Deployment {
  const gpu = findGpu(config.gpu);
  if (!gpu) {
    throw unknownName(
      'GPU',
      config.gpu,
      gpus.map(g => g.name),
    );
  }
  return {
    model,
    gpu,
    tensorParallel: config.tensor_parallel,
    weights: config.weights as WeightPrecision,
    kv: config.kv_cache_dtype as KvPrecision,
  };
}

function setUp(
  policy: Policy,
  config: FullConfig,
  deployment: Deployment,
  { kernels, profile }: Given,
): EngineSetup {
  const limits = {
    maxModelLen: config.max_model_len,
    maxNumSeqs: config.max_num_seqs,
    maxNumBatchedTokens: config.max_num_batched_tokens,
    longPrefillTokenThreshold: config.long_prefill_token_threshold,
    blockSize: config.block_size,
    watermark: config.watermark,
  };
  const given = Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
  return setUpEngine({
    policy,
    ...deployment,
    gpuMemoryUtilization: config.gpu_memory_utilization,
    limits: given,
    ...(config.num_gpu_blocks_override !== undefined && { numGpuBlocks: config.num_gpu_blocks_override }),
    ...(config.kv_slots !== undefined && { kvSlots: config.kv_slots }),
    ...(config.enforce_eager !== undefined && { enforceEager: config.enforce_eager }),
    ...(kernels && { kernels }),
    ...(profile && { overheads: overheadsOf(profile) }),
  });
}

/** The named policy, with the parts that the config replaces. */
export function composePolicy(name: string, config: Config, own: readonly Policy[] = []): Policy {
  const policy = own.find(other => other.name === name) ?? findPolicy(name);
  if (!policy)
    throw unknownName(
      'policy',
      name,
      policies.map(p => p.name),
    );
  const { memory } = policy;
  // vLLM's priority scheduling changes both.
  const victim = config.victim ?? (config.order === 'priority' ? 'lowest-priority' : undefined);
  return {
    ...policy,
    ...(config.order && { order: orders[config.order as keyof typeof orders] }),
    ...(config.admission && { admission: admissions[config.admission as keyof typeof admissions] }),
    ...(victim && { victim: victims[victim as keyof typeof victims] }),
    ...(config.preemption && { preemption: config.preemption as Policy['preemption'] }),
    ...(config.prefix_caching &&
      memory.kind === 'paged' && { memory: { ...memory, prefixCaching: config.prefix_caching === 'on' } }),
  };
}
