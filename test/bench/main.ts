import { Bench } from 'tinybench';
import { readBytes } from '../../src/cli/files.ts';
import { BlockPool } from '../../src/core/block-pool.ts';
import { findPolicy } from '../../src/core/policies/registry.ts';
import { Request } from '../../src/core/request.ts';
import { Scheduler } from '../../src/core/scheduler.ts';
import { setUpEngine } from '../../src/sim/engine-setup.ts';
import { findGpu } from '../../src/sim/hardware/catalogue.ts';
import { Metrics } from '../../src/sim/metrics.ts';
import { findModel } from '../../src/sim/models/catalogue.ts';
import { Simulation, simulate } from '../../src/sim/simulation.ts';
import { syntheticWorkload } from '../../src/sim/workload/synthetic.ts';
import { openTrace } from '../../src/sim/workload/trace/detect.ts';
import type { Arrival, Workload } from '../../src/sim/workload/workload.ts';

/** `vllm` with the prefix cache on or off, Llama-2-7B, on a GPU of the catalogue. */
function vllmOn(gpu: string, prefixCaching: boolean) {
  const vllm = findPolicy('vllm')!;
  const policy = { ...vllm, memory: { ...vllm.memory, prefixCaching } } as typeof vllm;
  const setup = setUpEngine({
    policy,
    model: findModel('llama-2-7b')!,
    gpu: findGpu(gpu)!,
    tensorParallel: 1,
    weights: 'fp16',
    kv: 'fp16',
    gpuMemoryUtilization: 0.9,
    // All 19,366 requests of the trace, the longest of 14,050 tokens included, are to run.
    limits: { maxModelLen: 16_384 },
  });
  return { policy, setup };
}

function simulation(gpu: string, prefixCaching: boolean, workload: Workload) {
  const { policy, setup } = vllmOn(gpu, prefixCaching);
  return new Simulation({
    policy,
    limits: setup.limits,
    memory: setup.createMemory(),
    cost: setup.cost,
    seed: 1,
    maxTokens: () => 1024,
    workload,
    listener: new Metrics(),
  });
}

const seconds = () => performance.now() / 1000;

async function readTrace(content: boolean): Promise<readonly (readonly Arrival[])[]> {
  const path = `${process.env['QUIRE_DATA'] ?? '../shared/data'}/traces/azure2023_conv.csv.gz`;
  const trace = await openTrace(() => readBytes(path), { fileName: path, content });
  const chunks: (readonly Arrival[])[] = [];
  for await (const chunk of trace.chunks()) chunks.push(chunk);
  return chunks;
}

/** Median of several replays in one process, after one to warm up. */
async function replay(gpu: string, prefixCaching: boolean): Promise<void> {
  const chunks = await readTrace(prefixCaching);
  const workload = { name: 'azure2023_conv', chunks: () => chunks };
  const times: number[] = [];
  let steps = 0;
  let tokens = 0;
  for (let i = 0; i < 8; i++) {
    const run = simulation(gpu, prefixCaching, workload);
    const start = seconds();
    await simulate(run, workload);
    if (i > 0) times.push(seconds() - start);
    steps = run.steps;
    tokens = chunks.flat().reduce((sum, arrival) => sum + arrival.outputTokens[0]!, 0);
  }
  const median = times.sort((a, b) => a - b)[times.length >> 1]!;
  const rate = (count: number) => `${(count / median / 1000).toFixed(0)} k`;
  console.log(
    `replay azure2023_conv, ${gpu}, prefix cache ${prefixCaching ? 'on ' : 'off'}: ${steps} steps in ` +
      `${median.toFixed(3)} s (median of ${times.length}, min ${times[0]!.toFixed(3)}): ` +
      `${rate(steps)} steps/s, ${rate(tokens)} output tokens/s, ${rate(19_366)} requests/s`,
  );
}

/** Time and memory of ever more requests: the cost of one must not grow. */
async function linear(): Promise<void> {
  for (const count of [10_000, 100_000, 1_000_000]) {
    const workload = syntheticWorkload({
      name: 'linear',
      count,
      seed: 1,
      arrivals: { kind: 'poisson', rate: 5 },
      lengths: { kind: 'sharegpt' },
      content: false,
    });
    globalThis.gc?.();
    const run = simulation('a100-80g', false, workload);
    const start = seconds();
    await simulate(run, workload);
    const spent = seconds() - start;
    const { rss } = process.memoryUsage();
    console.log(
      `${count} requests from a stream: ${spent.toFixed(2)} s, ${((spent / count) * 1e6).toFixed(1)} µs a request, ` +
        `${run.steps} steps, resident ${(rss / 2 ** 20).toFixed(0)} MiB`,
    );
  }
}

async function micro(): Promise<void> {
  const bench = new Bench({ time: 500 });
  const pool = new BlockPool(100_000);
  const taken: number[] = new Array(1000);
  bench.add('block allocate + free, 1000 at a time', () => {
    for (let i = 0; i < 1000; i++) taken[i] = pool.pop();
    for (let i = 0; i < 1000; i++) pool.release(taken[i]!, 'back');
  });

  const { policy, setup } = vllmOn('h100', false);
  const scheduler = new Scheduler(policy, { ...setup.limits, maxNumSeqs: 256 }, setup.createMemory());
  const refill = () => {
    for (let id = 0; id < 256; id++) {
      scheduler.add(new Request(id, { arrival: 0, promptTokens: 32, maxTokens: 1_000_000 }), 0);
    }
  };
  refill();
  const step = () => {
    const plan = scheduler.schedule(0);
    scheduler.update(plan, { duration: 0, stopped: [] }, 0);
    return plan;
  };
  while (step().numDecodes < 256);
  let last = step();
  bench.add(
    'schedule() of 256 running requests',
    () => {
      last = scheduler.schedule(0);
    },
    {
      // The step is taken back, untimed, so that each call finds the same state.
      beforeEach() {
        for (const request of last.requests) request.numComputedTokens = request.numTokens - 1;
      },
    },
  );
  await bench.run();
  for (const task of bench.tasks) {
    const { latency } = task.result as unknown as { latency: { p50: number; min: number } };
    const per = task.name.startsWith('block') ? 1000 : 1;
    const ns = (ms: number) => `${((ms * 1e6) / per).toFixed(0)} ns`;
    console.log(`${task.name}: ${ns(latency.p50)} (median), ${ns(latency.min)} (best)`);
  }
}

console.log(`node ${process.version}, ${process.platform} ${process.arch}`);
await micro();
await replay('a100-80g', false);
await replay('h100', false);
await replay('a100-80g', true);
await linear();
