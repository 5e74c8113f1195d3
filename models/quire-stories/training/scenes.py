"""What all plots share: how a story opens, where it is, and how it closes."""

from __future__ import annotations

import words
from grammar import Teller


def place(t: Teller) -> None:
    """Binds `[place]`, `[at]` with its preposition, `[spot1]` to `[spot3]`, `[thespot1]` …, `[shelter]`."""
    name = t.pick(tuple(words.PLACES))
    preposition, spots, shelter = words.PLACES[name]
    t.let(place=name, at=f"{preposition} {name}", shelter=shelter)
    seen = spots.split("|")
    t.rng.shuffle(seen)
    for number, spot in enumerate(seen[:3], 1):
        bare = spot.removeprefix("the ").removeprefix("an ").removeprefix("a ")
        t.slots[f"spot{number}"] = spot
        t.slots[f"thespot{number}"] = f"the {bare}"


def weather(t: Teller) -> None:
    t.slots["weather"] = t.pick(words.SUNNY if t.chance(0.7) else words.GRAY)
    t.slots["season"] = t.pick(words.SEASONS)
    t.slots["time"] = t.pick(words.TIMES)


def moods(t: Teller) -> None:
    t.slots["glad"], t.slots["sad"], t.slots["scared"] = words.GOOD_MOODS, words.SAD_MOODS, words.SCARED_MOODS


def opening(t: Teller) -> None:
    if t.slots["h"] == t.slots["hcall"] and t.chance(0.3):
        t.say(t.pick(NAMED_LATER))
        t.maybe(t.pick(HABITS[2:]), 0.5)
    else:
        t.say(t.pick(OPENINGS))
        t.maybe(t.pick(HABITS), 0.65)


OPENINGS = (
    "{Once upon a time,|Once upon a time|Long ago,|Once|Many years ago,} there {was|lived} [hintro].",
    "Once upon a time, in {a small village|a quiet valley|a big green forest|a town by the sea|a land far away}, "
    "there {was|lived} [hintro].",
    "{Near|Not far from|Close to} [place] {there lived|lived} [hintro].",
    "This is {a|the} story {of|about} [hintro].",
    "{In a|Inside a} {cozy|small|warm|tidy|funny} [hhome] {near|by|close to} [place] lived [hintro].",
    "There was once [hintro] who lived {near|by|close to} [place].",
)
NAMED_LATER = (
    "{Once upon a time,|Once upon a time|Once|Long ago,} there {was|lived} [hplain] who {loved|liked} to [hobby]. "
    "[His] name was [h].",
    "{Once upon a time,|Once upon a time|Once|In those days} {there was [hplain]|there lived [hplain] near "
    "[place]}. [His] name was [h].",
    "[H] was [hplain]{| who lived near [place]| from a small village}.",
    "{Do you know [h]?|Let me tell you about [h].} [He] was [hplain] who lived {near|by} [place].",
    "One day, [hplain] {named|called} [h] {was|sat|played} [at].",
)
HABITS = (
    "[H] {loved|liked} to [hobby].",
    "{Every day|Most of all|More than anything}, [h] {loved|liked} to [hobby].",
    "[H] had [look]{| and [look2]}{|, and {a brother called {Bo|Mo|Rex}|a sister called {Tia|Lulu|Sue}}}.",
    "Everyone knew [h], because [he] had [look].",
    "[H] lived with [his] {mother|father|grandmother|grandfather|family|two brothers|three sisters}.",
    "[He] was always {ready for something new|full of questions|busy with something|kind to others}.",
)


def begin_day(t: Teller) -> None:
    t.say(
        "{One|One|On a} [weather] [time]{| in [season]}, [h] [went] to [place]{| to play| to look around| all "
        "alone}."
        if t.chance(0.6)
        else "It was a [weather] [time]{| in [season]}, and [h] {was|was playing|was sitting} [at]."
    )
    t.maybe(t.pick(words.DETAILS), 0.4)


LESSONS_LEAD = "{From that day on,|After that day,|Since then,|And so}"


def closing(t: Teller, lesson: str) -> None:
    """@param lesson: A clause in the past tense: `[h] always told the truth`."""
    if t.chance(0.55):
        t.say(f"{LESSONS_LEAD} {lesson}.")
    roll = t.rng.random()
    if roll < 0.2:
        t.say("That night, [h] {slept well|fell asleep with a smile|dreamed of [place]|told the whole story at "
              "home}.")
    elif roll < 0.35:
        t.say("[H] {smiled|sang|hummed a song} all the way home.")
    elif roll < 0.5:
        t.say("{It was|It had been} {a very good|a wonderful|a long and happy|the best} day{| after all}.")
    elif roll < 0.6:
        t.say("And they all lived happily ever after.")
    if t.chance(0.15):
        t.say("The end.")
