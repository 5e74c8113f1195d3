"""Loads the exported model with Hugging Face Transformers, in float32 from its float16 weights, prints samples, and
with --golden writes greedy token ids that other engines must reproduce.

    python evaluate.py FOLDER [--golden FILE]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from transformers import AutoTokenizer, LlamaForCausalLM

GOLDEN_TOKENS = 96
PROMPTS = (
    "", "Once upon a time", "One day, a little girl named Mia", "The old owl", "There was once a dragon who",
    "Tom and Lucy went to the zoo.", "One rainy evening, Anna found", "There was once a tiny robot called Spark.",
    "A fox and a rabbit went to", "In a small village by the sea", "Lily lost her blue kite", "Barnaby was a snail",
)
CHATS = (
    "Tell me a story about a fox.", "Tell me a story about a dinosaur and a lost key.", "Write a story about a storm.",
    "Tell me a story about sharing.", "Tell me a story about a princess who made a wish.", "Hello!",
    "What color is snow?", "What is the capital of Spain?",
)
#: Texts that other tokenizers must cut the same way.
TEXTS = (
    "Once upon a time, there was a fox.",
    " two  spaces\n\nand lines\n",
    "naïve café – “quoted” 你好 🦊",
    "x=3.14; it's 1,000!",
    "<s>User: Hi\nAssistant:\nHello!</s>",
    "BOOKS don't WALK",
)


@torch.no_grad()
def greedy(model: LlamaForCausalLM, prompt: list[int], count: int) -> tuple[list[int], float]:
    """@returns Token ids, up to and with the end, and the smallest lead in logits of a token over the next best."""
    ids, cache, lead = list(prompt), None, float("inf")
    fresh = torch.tensor([prompt])
    for _ in range(count):
        out = model(fresh, past_key_values=cache, use_cache=True)
        cache = out.past_key_values
        best = out.logits[0, -1].topk(2)
        lead = min(lead, (best.values[0] - best.values[1]).item())
        ids.append(best.indices[0].item())
        fresh = best.indices[:1][None]
        if ids[-1] == model.config.eos_token_id:
            break
    return ids[len(prompt) :], lead


def chat_text(question: str) -> str:
    return f"<s>User: {question}\nAssistant:\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--golden", type=Path)
    parser.add_argument("--temperature", type=float, default=0.8)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    model = LlamaForCausalLM.from_pretrained(options.folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(options.folder)
    texts = [f"<s>{prompt}" for prompt in PROMPTS] + [chat_text(question) for question in CHATS]
    cases = []
    for text in texts:
        prompt = tokenizer(text, add_special_tokens=False).input_ids
        output, lead = greedy(model, prompt, 300)
        print(f"[greedy, lead {lead:.4f}] {text}|{tokenizer.decode(output)}\n")
        sampled = model.generate(
            torch.tensor([prompt]), do_sample=True, temperature=options.temperature, top_k=0, max_new_tokens=300
        )
        print(f"[temperature {options.temperature}] {text}|{tokenizer.decode(sampled[0, len(prompt):])}\n")
        output, lead = greedy(model, prompt, GOLDEN_TOKENS)
        cases.append((lead, {"text": text, "promptTokenIds": prompt, "greedyTokenIds": output}))
    if options.golden:
        # The clearest ones: where the lead is thin, another order of sums may choose otherwise.
        cases = [case for case in cases if len(case[1]["greedyTokenIds"]) >= 40]
        cases.sort(key=lambda case: -case[0])
        golden = {
            "smallestLead": round(cases[4][0], 5),
            "cases": [{**case, "greedyText": tokenizer.decode(case["greedyTokenIds"])} for _, case in cases[:5]],
            "tokenized": [{"text": text, "ids": tokenizer(text, add_special_tokens=False).input_ids} for text in TEXTS],
            "chat": tokenizer.apply_chat_template(
                [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"},
                 {"role": "user", "content": "Tell me a story."}],
                tokenize=False, add_generation_prompt=True,
            ),
        }
        options.golden.write_text(json.dumps(golden, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
