"""Sentences from templates. `{a|b}` is one of the alternatives, `[slot]` the value of a slot, `[Slot]` the same
with a capital, `[a slot]` with its article; all of it nests."""

from __future__ import annotations

import random
from functools import lru_cache

Node = str | tuple  # text; ("alt", sequences); ("slot", key, article, capital)


@lru_cache(maxsize=None)
def parse(template: str) -> tuple[Node, ...]:
    nodes, end = _sequence(template, 0, inside=False)
    if end != len(template):
        raise ValueError(f"unbalanced braces in {template!r}")
    return nodes


def _sequence(text: str, at: int, inside: bool) -> tuple[tuple[Node, ...], int]:
    nodes: list[Node] = []
    start = at
    while at < len(text):
        char = text[at]
        if inside and char in "|}":
            break
        if char not in "{[":
            at += 1
            continue
        if at > start:
            nodes.append(text[start:at])
        if char == "{":
            options = []
            while True:
                option, at = _sequence(text, at + 1, inside=True)
                options.append(option)
                if at >= len(text):
                    raise ValueError(f"open brace in {text!r}")
                if text[at] == "}":
                    break
            nodes.append(("alt", tuple(options)))
        else:
            close = text.index("]", at)
            nodes.append(_slot(text[at + 1 : close]))
            at = close
        at += 1
        start = at
    if at > start:
        nodes.append(text[start:at])
    return tuple(nodes), at


def _slot(name: str) -> Node:
    capital = name[0].isupper()
    name = name[0].lower() + name[1:]
    article = name.startswith("a ")
    return ("slot", name[2:] if article else name, article, capital)


def with_article(noun: str) -> str:
    return ("an " if noun[0] in "aeiou" else "a ") + noun


class Teller:
    """A document on its way: its chance, its slots, its paragraphs, and what can be asked about it."""

    def __init__(self, rng: random.Random):
        self.rng = rng
        #: A text, or several of which each use takes one.
        self.slots: dict[str, str | tuple[str, ...]] = {}
        self.paragraphs: list[list[str]] = [[]]
        self.questions: list[tuple[str, str]] = []
        self.topics: list[str] = []

    def pick(self, options):
        return options[int(self.rng.random() * len(options))]

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def fill(self, template: str) -> str:
        parts: list[str] = []
        self._expand(parse(template), parts)
        return "".join(parts)

    def _expand(self, nodes: tuple[Node, ...], parts: list[str]) -> None:
        for node in nodes:
            if isinstance(node, str):
                parts.append(node)
            elif node[0] == "alt":
                self._expand(self.pick(node[1]), parts)
            else:
                _, key, article, capital = node
                value = self.slots[key]
                if isinstance(value, tuple):
                    value = self.pick(value)
                if article:
                    value = with_article(value)
                parts.append(value[0].upper() + value[1:] if capital else value)

    def say(self, template: str) -> None:
        # Alternatives may be empty and leave spaces behind.
        text = " ".join(self.fill(template).split())
        if text:
            self.paragraphs[-1].append(text)

    def maybe(self, template: str, probability: float = 0.5) -> None:
        if self.chance(probability):
            self.say(template)

    def paragraph(self) -> None:
        self.paragraphs.append([])

    def let(self, **slots: str | tuple[str, ...]) -> None:
        """Slots for the rest of the document; their values may be templates themselves."""
        for key, value in slots.items():
            self.slots[key] = self.fill(value) if isinstance(value, str) else value

    def ask(self, question: str, answer: str) -> None:
        self.questions.append((self.fill(question), self.fill(answer)))

    def about(self, *topics: str) -> None:
        self.topics.extend(self.fill(topic) for topic in topics)

    def text(self, broken: bool) -> str:
        joint = "\n\n" if broken else " "
        return joint.join(" ".join(sentences) for sentences in self.paragraphs if sentences)
