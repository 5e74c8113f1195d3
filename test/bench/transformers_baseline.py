"""Hugging Face Transformers on the requests of the GPU benchmark: Llama-2-7B's shape, f16, random weights.

Takes the lengths that `gpu.js --lengths FILE` wrote. Only tokens that were asked for count.

- static: `generate` on batches of 8 in the order of arrival, each until all of its rows are done. A few batches run
  for a few steps; the rest is scaled by steps, since a step takes as long whatever its number.
- continuous: the manager behind `generate_batch` (paged attention), all requests at once, for at most LIMIT seconds;
  tokens of unfinished requests count, so that the long tail of the last requests does not weigh on it.
"""

import argparse
import json
import statistics
import time

import torch
import transformers
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

BATCH = 8


def build(layers):
    config = LlamaConfig(
        vocab_size=32000,
        hidden_size=4096,
        intermediate_size=11008,
        num_hidden_layers=layers,
        num_attention_heads=32,
        num_key_value_heads=32,
        max_position_embeddings=4096,
    )
    with torch.device("cuda"):
        model = LlamaForCausalLM._from_config(config, dtype=torch.float16, attn_implementation="sdpa")
    return model.eval()


def generation(**options):
    return GenerationConfig(do_sample=False, eos_token_id=None, pad_token_id=0, use_cache=True, **options)


def padded(prompts):
    width = max(map(len, prompts))
    ids = torch.zeros((len(prompts), width), dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, prompt in enumerate(prompts):
        ids[row, width - len(prompt) :] = torch.tensor(prompt)
        mask[row, width - len(prompt) :] = 1
    return ids.cuda(), mask.cuda()


def timed(model, prompts, steps):
    ids, mask = padded(prompts)
    torch.cuda.synchronize()
    begin = time.perf_counter()
    out = model.generate(ids, attention_mask=mask, generation_config=generation(max_new_tokens=steps))
    torch.cuda.synchronize()
    assert out.shape[1] == ids.shape[1] + steps
    return time.perf_counter() - begin


@torch.inference_mode()
def static(model, prompts, outputs, samples, steps):
    batches = [range(i, min(i + BATCH, len(prompts))) for i in range(0, len(prompts), BATCH)]
    timed(model, prompts[:BATCH], 8)
    prefill, step = [], []
    for batch in batches[:samples]:
        rows = [prompts[i] for i in batch]
        first = timed(model, rows, 1)
        prefill.append(first)
        step.append((timed(model, rows, steps + 1) - first) / steps)
    total_steps = sum(max(outputs[i] for i in batch) for batch in batches)
    seconds = statistics.median(step) * (total_steps - len(batches)) + statistics.median(prefill) * len(batches)
    useful = sum(outputs)
    return {
        "batch": BATCH,
        "measuredSteps": samples * steps,
        "stepSeconds": statistics.median(step),
        "prefillSeconds": statistics.median(prefill),
        "steps": total_steps,
        "scaledSeconds": seconds,
        "usefulTokensPerSecond": useful / seconds,
    }


def generated(state):
    tokens = getattr(state, "generated_tokens", None)
    return len(tokens) if tokens is not None else 0


def continuous(model, prompts, outputs, limit):
    config = generation(max_new_tokens=max(outputs))
    config.eos_token_id = -1
    with model.continuous_batching_context_manager(generation_config=config, block=True, timeout=5) as manager:
        begin = time.perf_counter()
        for i, (prompt, output) in enumerate(zip(prompts, outputs)):
            manager.add_request(input_ids=prompt, request_id=f"r{i}", max_new_tokens=output)
        tokens = finished = 0
        while finished < len(prompts) and time.perf_counter() - begin < limit:
            result = manager.get_result(timeout=0.5)
            if result is not None and result.is_finished():
                finished += 1
                tokens += len(result.generated_tokens)
        seconds = time.perf_counter() - begin
        unfinished = 0
        if finished < len(prompts):
            scheduler = manager.batch_processor.scheduler
            unfinished = sum(map(generated, list(scheduler.active_requests.values())))
        report = {
            "finished": finished,
            "seconds": seconds,
            "usefulTokens": tokens + unfinished,
            "ofUnfinished": unfinished,
            "usefulTokensPerSecond": (tokens + unfinished) / seconds,
        }
        print(json.dumps(report), flush=True)
        if finished < len(prompts):
            for i in range(len(prompts)):
                manager.cancel_request(f"r{i}")
    return report


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("lengths")
    parser.add_argument("out")
    parser.add_argument("--layers", type=int, default=32)
    parser.add_argument("--requests", type=int, default=256)
    parser.add_argument("--samples", type=int, default=3)
    parser.add_argument("--steps", type=int, default=32)
    parser.add_argument("--limit", type=float, default=60)
    args = parser.parse_args()
    with open(args.lengths, encoding="utf-8") as file:
        lengths = json.load(file)[: args.requests]
    random = torch.Generator().manual_seed(2)
    prompts = [torch.randint(3, 32000, (item["prompt"],), generator=random).tolist() for item in lengths]
    outputs = [item["output"] for item in lengths]
    begin = time.perf_counter()
    model = build(args.layers)
    torch.cuda.synchronize()
    results = {
        "transformers": transformers.__version__,
        "torch": torch.__version__,
        "gpu": torch.cuda.get_device_name(),
        "requests": len(prompts),
        "usefulTokens": sum(outputs),
        "loadSeconds": time.perf_counter() - begin,
    }

    def save():
        with open(args.out, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=1)

    for name, measure in (
        ("static", lambda: static(model, prompts, outputs, args.samples, args.steps)),
        ("continuous", lambda: continuous(model, prompts, outputs, args.limit)),
    ):
        try:
            results[name] = measure()
        except Exception as error:  # The other one is still worth having.
            results[name] = {"error": repr(error)}
        print(name, json.dumps(results[name]), flush=True)
        save()


if __name__ == "__main__":
    main()
