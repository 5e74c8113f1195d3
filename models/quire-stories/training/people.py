"""Who is in a story, and the slots that speak of them: `[h]`, `[he]`, `[his]` of the hero, with `f` before them
of a friend, with `p` of a grown-up, with `w` of a wise helper."""

from __future__ import annotations

import words
from grammar import Teller, with_article

PRONOUNS = {
    "he": ("he", "him", "his", "himself"),
    "she": ("she", "her", "her", "herself"),
}
GROWN_UPS = {
    "he": ("Dad", "Grandpa", "Uncle Joe", "Papa", "[his] father", "[his] uncle", "the old gardener", "the baker",
           "the teacher", "the farmer"),
    "she": ("Mom", "Grandma", "Aunt May", "Mama", "[his] mother", "[his] aunt", "the old gardener", "the baker",
            "the teacher", "the farmer"),
}
FAMILY = {
    "he": ("Dad", "Grandpa", "Papa", "[his] father", "[his] grandfather"),
    "she": ("Mom", "Grandma", "Mama", "[his] mother", "[his] grandmother"),
}
WISE = ("owl", "turtle", "crow", "goose", "toad", "goat", "horse", "snail", "bear", "hedgehog")

NAMES_OF_THINGS = tuple(
    name for name in (*words.TOYS, *words.SEEDS, *words.COLORS, *words.SUNNY, *words.GRAY) if " " not in name
)


def invented_name(t: Teller) -> str:
    """A name that no list has, so that names must be carried through a story and not remembered from others."""
    if t.chance(0.3):
        # An ordinary word: a robot called Spoon.
        return t.pick(NAMES_OF_THINGS).capitalize()
    start = t.pick(words.ONSETS) if t.chance(0.85) else ""
    middle = t.pick(words.VOWELS) + t.pick(words.MIDDLES) if t.chance(0.15) else ""
    return (start + middle + t.pick(words.VOWELS) + t.pick(words.MIDDLES) + t.pick(words.ENDINGS)).capitalize()


def _bind(t: Teller, prefix: str, gender: str) -> None:
    he, him, his, himself = PRONOUNS[gender]
    t.slots[f"{prefix}he"] = he
    t.slots[f"{prefix}him"] = him
    t.slots[f"{prefix}his"] = his
    t.slots[f"{prefix}himself"] = himself


def _character(t: Teller, prefix: str, gender: str, child: bool, taken: str = "") -> None:
    """Binds `[h]` (the name, or `the fox`), `[hcall]` when spoken to, `[hs]` (of the hero), `[hkind]`, `[hintro]`,
    `[hhome]`, and without the letter for the hero `[went]`, `[hands]`, `[feet]`."""
    own = "" if prefix == "h" else prefix
    if child:
        kind = "boy" if gender == "he" else "girl"
        home, ways, hands, feet = "house", "walked ran skipped hurried", "hands", "feet"
        names = words.BOYS if gender == "he" else words.GIRLS
    else:
        kind = t.pick(tuple(words.CREATURES))
        while kind == taken:
            kind = t.pick(tuple(words.CREATURES))
        home, ways, hands, feet = words.CREATURES[kind]
        gender = words.GENDERS.get(kind, gender)
        names = words.PETS if t.chance(0.8) else words.BOYS if gender == "he" else words.GIRLS
    _bind(t, own, gender)
    name = invented_name(t) if t.chance(0.35) else t.pick(names)
    while name == t.slots.get("h"):
        name = t.pick(names)
    adjectives = [word for word in (t.pick(words.TRAITS) if t.chance(0.5) else "", t.pick(words.SIZES)) if word]
    described = " ".join([*adjectives, kind])
    if not child and t.chance(0.2):
        t.slots[prefix] = f"the {kind}"
        intro = with_article(described)
    else:
        t.slots[prefix] = name
        intro = f"{with_article(described)} {t.pick(('named', 'named', 'called'))} {name}"
    t.slots[f"{prefix}call"] = "my friend" if t.slots[prefix].startswith("the ") else name
    t.slots[f"{prefix}s"] = f"{t.slots[prefix]}'s"
    t.slots[f"{prefix}kind"] = kind
    t.slots[f"{prefix}intro"] = intro
    t.slots[f"{prefix}plain"] = with_article(described)
    t.slots[f"{prefix}home"] = home
    t.slots[f"{own}went"] = tuple(ways.split())
    t.slots[f"{own}hands"] = hands
    t.slots[f"{own}feet"] = feet


def hero(t: Teller) -> None:
    _character(t, "h", t.pick(("he", "she")), child=t.chance(0.5))
    t.slots["hobby"] = t.pick(words.HOBBIES)
    looks = words.LOOKS + words.FURRY_LOOKS if t.slots["feet"] == "paws" else words.LOOKS
    t.slots["look"], t.slots["look2"] = t.rng.sample(looks, 2)


def friend(t: Teller) -> None:
    """Mostly of the other pronoun, so that it is plain who is meant."""
    mine = t.slots["he"]
    other = "she" if mine == "he" else "he"
    child = t.slots["hkind"] in ("boy", "girl")
    _character(t, "f", other if t.chance(0.75) else mine, child=child != t.chance(0.25), taken=t.slots["hkind"])


def grown_up(t: Teller, family: bool = False) -> None:
    gender = t.pick(("he", "she"))
    t.let(p=t.pick((FAMILY if family else GROWN_UPS)[gender]))
    _bind(t, "p", gender)


def wise_one(t: Teller) -> None:
    kinds = [kind for kind in WISE if kind not in (t.slots["hkind"], t.slots.get("fkind"))]
    kind = t.pick(kinds)
    _bind(t, "w", t.pick(("he", "she")))
    t.slots["wcall"] = "my friend"
    t.slots["w"] = f"the {'' if t.chance(0.3) else t.pick(('old ', 'wise old ', 'big ', 'gray '))}{kind}"
    t.slots["wkind"] = kind
