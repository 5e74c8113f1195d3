import { deepspeedStatic } from './deepspeed-static.ts';
import { fasterTransformer } from './faster-transformer.ts';
import { fastgen } from './fastgen.ts';
import { hfStatic } from './hf-static.ts';
import { nanoVllm } from './nano-vllm.ts';
import { orcaMax, orcaOracle, orcaPow2 } from './orca.ts';
import type { Policy } from './policy.ts';
import { sarathi } from './sarathi.ts';
import { sglang } from './sglang.ts';
import { tgi3, tgi08 } from './tgi.ts';
import { trtllm } from './trtllm.ts';
import { vllm } from './vllm.ts';
import { vllmV0 } from './vllm-v0.ts';

/** Every named policy, oldest idea first. A new one is its file and a line here. */
export const policies: readonly Policy[] = [
  hfStatic,
  deepspeedStatic,
  fasterTransformer,
  orcaMax,
  orcaPow2,
  orcaOracle,
  tgi08,
  vllmV0,
  vllm,
  sarathi,
  fastgen,
  sglang,
  trtllm,
  tgi3,
  nanoVllm,
];

export function findPolicy(name: string): Policy | undefined {
  return policies.find(policy => policy.name === name);
}
