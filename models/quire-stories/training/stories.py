"""One story: a hero, a place, a plot."""

from __future__ import annotations

import random
from typing import NamedTuple

import people
import scenes
from grammar import Teller
from plots import outings, people_meet, seasons, things

PLOTS = (
    things.lost, things.share, things.mistake, things.gift, things.treasure,
    people_meet.new_friend, people_meet.race, people_meet.rescue, people_meet.stray, people_meet.quarrel,
    outings.day_out, outings.day_out, outings.visitor,
    seasons.storm, seasons.dark, seasons.seed, seasons.skill, seasons.wish, seasons.soup, seasons.snow,
)


class Story(NamedTuple):
    text: str
    #: What a request could have named of the plot: `a lost kite`, `sharing`.
    topics: list[str]
    #: What it could have named of the hero: `a fox`, `a fox named Pip`; none where the text does not say.
    heroes: list[str]
    #: With their answers.
    questions: list[tuple[str, str]]


def story(rng: random.Random) -> Story:
    t = Teller(rng)
    scenes.moods(t)
    people.hero(t)
    scenes.place(t)
    scenes.weather(t)
    t.pick(PLOTS)(t)
    text = t.text(broken=t.chance(0.5))
    kind = t.slots["hkind"]
    if kind not in text:
        # An outing may name its two without saying what they are.
        t.ask("Who is the story about?", "It is about [h] and [f].")
        return Story(text, [topic for topic in t.topics if kind not in topic], [], t.questions)
    heroes = [t.fill("[a hkind]"), t.fill("[a hkind]"), t.slots["hintro"], t.slots["hplain"]]
    if t.slots["h"] == t.slots["hcall"]:
        heroes += [t.slots["h"], t.fill("[a hkind] {named|called} [h]")]
        t.ask("Who is the story about?", "It is about [a hkind] named [h].")
    else:
        t.ask("Who is the story about?", "It is about [a hkind].")
    return Story(text, t.topics, heroes, t.questions)
