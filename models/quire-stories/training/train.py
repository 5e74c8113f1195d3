"""Trains the model and writes model.safetensors (float16), config.json, generation_config.json and,
beside this file, report.json.

    python bpe.py FOLDER && python train.py FOLDER

The learning rate follows the clock, not the steps, so that a run ends when it should on any machine.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from tokenizers import Tokenizer

import rows
from model import Llama, Shape

#: Documents from here on are for validation alone.
HELD_OUT = 1_000_000_000
BOS_ID = 1


def learning_rate(done: float, peak: float) -> float:
    """@param done: The fraction of the time that has passed. A short ramp, then a cosine to zero."""
    ramp = 0.02
    if done < ramp:
        return peak * (done / ramp)
    return peak * 0.5 * (1 + math.cos(math.pi * min(1.0, (done - ramp) / (1 - ramp))))


def cross_entropy(model: torch.nn.Module, batch: torch.Tensor, user: int) -> torch.Tensor:
    """@param user: The token that opens a conversation. That a document is one is not to be learned: the start token
    alone shall bring a story, as a conversation starts with its user."""
    inputs, targets = batch[:, :-1], batch[:, 1:]
    targets = targets.masked_fill((inputs == BOS_ID) & (targets == user), -100)
    return F.cross_entropy(model(inputs).float().flatten(0, 1), targets.flatten())


@torch.no_grad()
def validation_loss(model: torch.nn.Module, data: torch.Tensor, size: int, user: int) -> float:
    """In nats a token, without autocast."""
    losses = []
    for batch in data.split(size):
        tokens = batch.long()
        losses.append(cross_entropy(model, tokens, user))
    return torch.stack(losses).mean().item()


def export(model: Llama, folder: Path) -> None:
    tensors = {name: weight.detach().to("cpu", torch.float16) for name, weight in model.named_parameters()}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(model.shape.config(), indent=2) + "\n")
    generation = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
    (folder / "generation_config.json").write_text(json.dumps(generation, indent=2) + "\n")
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.copy_(tensors[name])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="with tokenizer.json; the model goes there too")
    parser.add_argument("--minutes", type=float, default=1.75)
    parser.add_argument("--documents", type=int, default=800_000)
    parser.add_argument("--batch", type=int, default=128, help="rows of 512 tokens")
    parser.add_argument("--peak", type=float, default=3e-3, help="learning rate")
    parser.add_argument("--eager", action="store_true", help="without torch.compile")
    parser.add_argument("--held-out", type=int, default=7_000, help="documents for validation")
    options = parser.parse_args()

    began = time.monotonic()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(5)
    torch.set_float32_matmul_precision("high")
    shape = Shape()
    user = Tokenizer.from_file(str(options.folder / "tokenizer.json")).encode("User", add_special_tokens=False).ids[0]
    with rows.workers(options.folder / "tokenizer.json") as pool:
        training = rows.begin(pool, 0, options.documents, shape.context + 1)
        held_out = rows.begin(pool, HELD_OUT, options.held_out, shape.context + 1)
        model = Llama(shape).to(device)
        parameters = sum(weight.numel() for weight in model.parameters())
        compiled = model if options.eager else torch.compile(model)

        def autocast_loss(batch: torch.Tensor) -> torch.Tensor:
            with torch.autocast(device, dtype=torch.bfloat16, enabled=device == "cuda"):
                return cross_entropy(compiled, batch, user)

        # Compiles while the corpus is made.
        warm = torch.randint(0, shape.vocab, (options.batch, shape.context + 1), device=device)
        for _ in range(3):
            autocast_loss(warm).backward()
        model.zero_grad(set_to_none=True)
        print(f"{parameters} parameters on {device}, compiled after {time.monotonic() - began:.0f} s", flush=True)
        data = torch.from_numpy(np.concatenate(training.get())).to(device)
        check = torch.from_numpy(np.concatenate(held_out.get())).to(device)
    print(f"{tuple(data.shape)} token ids after {time.monotonic() - began:.0f} s", flush=True)

    matrices = [weight for weight in model.parameters() if weight.ndim == 2]
    norms = [weight for weight in model.parameters() if weight.ndim < 2]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.1}, {"params": norms, "weight_decay": 0.0}],
        lr=options.peak,
        betas=(0.9, 0.95),
        fused=device == "cuda",
    )
    start = time.monotonic()
    steps = 0
    order = torch.empty(0, dtype=torch.long)
    while (done := (time.monotonic() - start) / (60 * options.minutes)) < 1:
        if len(order) < options.batch:
            order = torch.randperm(len(data), device=device)
        chosen, order = order[: options.batch], order[options.batch :]
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(done, options.peak)
        loss = autocast_loss(data[chosen].long())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        steps += 1
        # Also keeps the clock of this loop within 10 steps of the device's.
        if steps % 10 == 0:
            value = loss.item()
            if steps % 500 == 0 or steps == 10 or (device == "cpu" and steps % 50 == 0):
                print(f"step {steps}: {value:.4f} at {time.monotonic() - start:.0f} s", flush=True)
    minutes = (time.monotonic() - start) / 60
    before = validation_loss(model, check, options.batch, user)
    export(model, options.folder)
    report = {
        "parameters": parameters,
        "documents": options.documents,
        "corpusTokens": data.shape[0] * shape.context,
        "steps": steps,
        "tokensSeen": steps * options.batch * shape.context,
        "minutes": round(minutes, 2),
        "validationLoss": round(before, 4),
        "validationLossF16": round(validation_loss(model, check, options.batch, user), 4),
        "validationTokens": check.shape[0] * shape.context,
    }
    (Path(__file__).parent / "report.json").write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
