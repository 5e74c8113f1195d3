import type { Command } from 'commander';
import type { Policy } from '../core/policies/policy.ts';
import { policies } from '../core/policies/registry.ts';
import { GiB } from '../core/units.ts';
import { runtimes } from '../sim/cost/runtimes.ts';
import { gpus } from '../sim/hardware/catalogue.ts';
import { models } from '../sim/models/catalogue.ts';
import { kvBytesPerToken } from '../sim/models/model.ts';
import { parameterCount } from '../sim/models/parameters.ts';
import { number, table } from './format.ts';
import { addProbeFlags, asksForProbe, type ProbeFlags, probe } from './probe.ts';
import { snakeCase } from './snake-case.ts';

/** `quire policies`, `quire gpus`, `quire models`: what the names stand for. */
export function catalogueCommands(program: Command): void {
  list(program, 'policies', 'the batching policies', policies.map(policyEntry), policyTable);
  addProbeFlags(
    list(program, 'gpus', 'the GPUs that the cost model knows, or with --probe those here', gpus, gpuTable),
  );
  list(
    program,
    'models',
    'the models that the cost model knows',
    models.map(model => ({
      ...model,
      parameters: parameterCount(model).total,
      kv_bytes_per_token: kvBytesPerToken(model, 2),
    })),
    modelTable,
  );
}

function list<T>(
  program: Command,
  name: string,
  description: string,
  entries: readonly T[],
  text: () => string,
): Command {
  return program
    .command(name)
    .description(description)
    .option('--json', 'print as JSON')
    .action(async (options: ProbeFlags) => {
      if (asksForProbe(options)) return await probe(options);
      const shown = options.json ? JSON.stringify(snakeCase({ [name]: entries }), null, 2) : text();
      process.stdout.write(`${shown}\n`);
    });
}

/** A policy is four choices and a victim rule; limits as on an 80 GB A100 with a context of 4,096. */
function policyEntry(policy: Policy) {
  const limits = policy.limits({ gpuMemory: 80 * GiB, isA100: true, maxModelLen: 4096 });
  return {
    name: policy.name,
    summary: policy.summary,
    source: policy.source,
    order: policy.order.name,
    admission: policy.admission().name,
    batching: policy.batching().name,
    memory: policy.memory,
    victim: policy.victim.name,
    preemption: policy.preemption,
    // JSON has no infinity: null is "no limit".
    limits: Object.fromEntries(
      Object.entries(limits).map(([key, value]) => [key, Number.isFinite(value) ? value : null]),
    ),
    runtime: runtimes[policy.runtime],
  };
}

function policyTable(): string {
  return table(
    ['policy', 'what it is'],
    policies.map(policy => [policy.name, policy.summary]),
  );
}

function gpuTable(): string {
  return table(
    ['gpu', 'GiB', 'TB/s', 'fp16 TFLOP/s', 'fp8', 'basis', 'title'],
    gpus.map(gpu => [
      gpu.name,
      number(gpu.memory / GiB),
      number(gpu.bandwidth / 1e12),
      number(gpu.flops.fp16 / 1e12),
      gpu.flops.fp8 ? number(gpu.flops.fp8 / 1e12) : '–',
      gpu.efficiency.basis,
      gpu.title,
    ]),
  );
}

function modelTable(): string {
  return table(
    ['model', 'parameters', 'layers', 'hidden', 'heads', 'KV heads', 'KV KiB/token', 'context'],
    models.map(model => [
      model.name,
      `${number(parameterCount(model).total / 1e9)} B`,
      String(model.layers),
      String(model.hidden),
      String(model.heads),
      String(model.kvHeads),
      number(kvBytesPerToken(model, 2) / 1024),
      String(model.maxModelLen),
    ]),
  );
}
