"""The training text: stories and, for two in five documents, conversations. Nothing in it was copied; every document
follows from its number, so that any machine makes the same corpus."""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator

from stories import story
from talk import conversation

BOS = "<s>"
EOS = "</s>"
TALK_SHARE = 0.4


def chat(turns: list[tuple[str, str]]) -> str:
    """As the chat template has it: the answer starts on a line of its own and ends with the end token."""
    return "".join(f"User: {asked}\nAssistant:\n{answered}{EOS}" for asked, answered in turns)


def document(number: int) -> str:
    rng = random.Random(f"quire-stories {number}")
    if rng.random() < TALK_SHARE:
        return BOS + chat(conversation(rng))
    return BOS + story(rng).text + EOS


def documents(start: int, count: int) -> Iterator[str]:
    return (document(number) for number in range(start, start + count))


def main() -> None:
    parser = argparse.ArgumentParser(description="Prints documents of the corpus.")
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--count", type=int, default=10)
    options = parser.parse_args()
    for text in documents(options.start, options.count):
        print(text, end="\n\n-----\n\n")


if __name__ == "__main__":
    main()
