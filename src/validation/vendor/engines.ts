import { nanoVllm } from '../../core/policies/nano-vllm.ts';
import type { Policy } from '../../core/policies/policy.ts';
import { sglang } from '../../core/policies/sglang.ts';
import { trtllm } from '../../core/policies/trtllm.ts';
import { vllm } from '../../core/policies/vllm.ts';
import { byVersion } from '../../sim/kernels/table-files.ts';

/**
 * TensorRT-LLM before its PyTorch backend: a C++ runtime, of FasterTransformer's line, with pages of 64 tokens. Its
 * own CPU times were never published.
 */
export const trtllmCpp: Policy = {
  ...trtllm,
  name: 'trtllm-cpp',
  limits: machine => ({ ...trtllm.limits(machine), blockSize: 64 }),
  runtime: 'faster-transformer',
};

/** From which version on an engine is the one of the policy; newest first. */
type Engine = readonly { readonly since: string; readonly policy: Policy }[];

const tensorRt: Engine = [
  { since: '1.0', policy: trtllm },
  { since: '0', policy: trtllmCpp },
];

/** Engines by the labels of sources, in lower case. */
const engines: Readonly<Record<string, Engine>> = {
  trtllm: tensorRt,
  'tensorrt-llm': tensorRt,
  'tensorrt-llm+triton backend': tensorRt,
  'tensorrt-llm (pytorch)': [{ since: '0', policy: trtllm }],
  // V1 became the default.
  vllm: [{ since: '0.8', policy: vllm }],
  // With the scheduler that overlaps.
  sglang: [{ since: '0.4', policy: sglang }],
  'nano-vllm': [{ since: '0', policy: nanoVllm }],
};

/** The policy that stands for an engine; the newest where no version is named. Undefined for what is not modelled. */
export function engineOf(label: string, version: string): Policy | undefined {
  const known = Object.hasOwn(engines, label.toLowerCase()) ? engines[label.toLowerCase()]! : [];
  if (version === '') return known[0]?.policy;
  return known.find(({ since }) => byVersion(version, since) >= 0)?.policy;
}
