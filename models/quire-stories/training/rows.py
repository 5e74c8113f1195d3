"""Documents as rows of token ids. Each row starts with a document and is filled up with the following ones; what does
not fit is dropped, so that no row starts in the middle of a story."""

from __future__ import annotations

import os
from multiprocessing.pool import AsyncResult, Pool
from pathlib import Path

import numpy as np

from corpus import documents

SHARD = 5_000

_tokenizer = None


def _start(path: str) -> None:
    global _tokenizer
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    from tokenizers import Tokenizer

    _tokenizer = Tokenizer.from_file(path)


def _shard(task: tuple[int, int, int]) -> np.ndarray:
    start, count, width = task
    encoded = _tokenizer.encode_batch_fast(list(documents(start, count)), add_special_tokens=False)
    rows: list[list[int]] = []
    row: list[int] = []
    for document in encoded:
        row.extend(document.ids)
        if len(row) >= width:
            rows.append(row[:width])
            row = []
    return np.array(rows, dtype=np.int16).reshape(-1, width)


def begin(pool: Pool, start: int, count: int, width: int) -> AsyncResult:
    """@returns The rows of documents start … start + count, [n, width] a shard, once they are made."""
    tasks = [(at, min(SHARD, start + count - at), width) for at in range(start, start + count, SHARD)]
    return pool.map_async(_shard, tasks, chunksize=1)


def workers(tokenizer: Path) -> Pool:
    return Pool(os.cpu_count(), initializer=_start, initargs=(str(tokenizer),))
