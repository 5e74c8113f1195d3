"""Conversations in the chat template: a story on request, questions about it, and small talk."""

from __future__ import annotations

import random

import words
from grammar import Teller, with_article
from people import invented_name
from stories import Story, story

REQUESTS = (
    "Tell me a story about {0}.", "Tell me a story about {0}.", "Tell me a story about {0}.",
    "Can you tell me a story about {0}?", "Please tell me a story about {0}.", "Write a story about {0}.",
    "I would like a story about {0}.", "Write a short story about {0}.", "Do you know a story about {0}?",
    "A story about {0}, please.", "tell me a story about {0}", "Tell a tale about {0}!",
)
ANY = (
    "Tell me a story.", "Tell me a story, please.", "Can you tell me a story?", "I want to hear a story.",
    "Write a story.", "Tell me a bedtime story.", "tell me a story", "Another story, please.",
)
SMALL_TALK = (
    ("{Hello!|Hello|Hi!|Hi|Hi there!|Hey!|Good morning!|Good evening!}",
     "{Hello|Hi}! {Would you like to hear a story?|I can tell you a story.|What shall the story be about?}"),
    ("{Who are you?|What are you?|What is your name?|Tell me about yourself.}",
     "I am {Quire, a very small model that tells stories.|a small language model. I can tell you a story.}"),
    ("{What can you do?|How can you help me?|Can you help me?}",
     "I can tell short stories. {Ask me for one!|Tell me who should be in it.}"),
    ("{How are you?|How are you today?|How do you feel?}",
     "I am {well|fine}, thank you. {Would you like a story?|And you?}"),
    ("{Thank you!|Thank you.|Thanks!|Thanks.|That was nice.|I liked that story.|What a nice story!|Great!}",
     "{You are welcome!|I am glad you liked it.|You are welcome. Would you like another story?}"),
    ("{Goodbye!|Bye!|Good night!|See you tomorrow.}", 
     "{Goodbye|Good night|See you soon}! {Sleep well.|Come back soon.}"),
    ("{Yes|Yes, please|No|No, thank you}.", 
     "{Tell me what the story should be about.|What should I tell you about?}"),
)
#: What it cannot know it should say so.
UNKNOWN = (
    "What is the capital of {France|Japan|Egypt|Italy|[word]}?", 
    "How {old|tall|far|heavy} is {the moon|the world|[word]}?",
    "What is {5|12|30|7|100} {plus|times|minus} {2|8|14|9|50}?", "Who is {the president|[word]|the king of [word]}?",
    "What is {a|an|the} [word]?", "How do I {make|fix|find|buy} {a|an|the|my} [word]?", 
    "Can you {write code|help me with math|drive a car}?",
    "What time is it?", "What day is today?", "Will it rain tomorrow?", 
    "Who {made|wrote|invented} {the|this} [word]?",
    "Why is the {sky|sea|[word]} {blue|[word]}?", "Write {a poem|a letter|an email} about [word].",
    "Translate [word].", "Explain {the|} [word] to me.", "Do you know {[word]|about [word]}?", 
    "When was {the|} [word] {built|born|found}?",
)
UNKNOWN_ANSWERS = (
    "{I do not know that.|I do not know.|I am sorry, I do not know.} {I only know small stories.|I can tell you a "
    "story.|Ask me for a story.}"
)
BABIES = {"cat": "kitten", "dog": "puppy", "duck": "duckling", "sheep": "lamb", "cow": "calf", "hen": "chick",
          "horse": "foal", "bear": "cub", "goat": "kid", "frog": "tadpole", "pig": "piglet"}
COLORS_OF = {"the sky": "blue", "grass": "green", "snow": "white", "the sun": "yellow", "a carrot": "orange",
             "a strawberry": "red", "a banana": "yellow", "coal": "black", "a frog": "green"}
OPPOSITES = {"big": "small", "hot": "cold", "day": "night", "up": "down", "happy": "sad", "fast": "slow",
             "open": "closed", "loud": "quiet", "wet": "dry", "old": "young", "light": "dark"}


def fact(t: Teller) -> tuple[str, str]:
    kind = t.pick(("baby", "color", "opposite", "home"))
    if kind == "baby":
        animal = t.pick(tuple(BABIES))
        return f"What is a baby {animal} called?", f"A baby {animal} is called {with_article(BABIES[animal])}."
    if kind == "color":
        thing = t.pick(tuple(COLORS_OF))
        return f"What color is {thing}?", f"{thing[0].upper()}{thing[1:]} is {COLORS_OF[thing]}."
    if kind == "home":
        animal = t.pick([name for name in words.CREATURES if words.CREATURES[name][0] != "home"])
        return (f"Where does {with_article(animal)} live?",
                f"{with_article(animal).capitalize()} lives in {with_article(words.CREATURES[animal][0])}.")
    pairs = list(OPPOSITES.items())
    one, other = t.pick(pairs)
    if t.chance(0.5):
        one, other = other, one
    return f"What is the opposite of {one}?", f"The opposite of {one} is {other}."


def request(t: Teller, told: Story) -> str:
    roll = t.rng.random()
    if roll < 0.1:
        return t.pick(ANY)
    topic = t.pick(told.topics)
    if told.heroes and roll < 0.5 and not any(hero in topic for hero in told.heroes):
        hero = t.pick(told.heroes)
        topic = hero if roll < 0.3 else f"{hero} and {topic}"
    return t.pick(REQUESTS).format(topic)


def conversation(rng: random.Random) -> list[tuple[str, str]]:
    """Turns of a user and the assistant."""
    t = Teller(rng)
    turns: list[tuple[str, str]] = []
    if t.chance(0.12):
        turns.append(_small(t, SMALL_TALK[0]))
    if t.chance(0.85):
        told = story(rng)
        turns.append((request(t, told), told.text))
        questions = list(told.questions)
        rng.shuffle(questions)
        turns.extend(questions[: t.pick((0, 1, 1, 2, 3))])
        if t.chance(0.15):
            turns.append(_small(t, SMALL_TALK[4]))
    else:
        for _ in range(t.pick((1, 2, 3))):
            roll = t.rng.random()
            if roll < 0.4:
                turns.append(fact(t))
            elif roll < 0.7:
                names = invented_name(t), invented_name(t)
                t.slots["word"] = names if t.chance(0.5) else tuple(name.lower() for name in names)
                turns.append(_small(t, (t.pick(UNKNOWN), UNKNOWN_ANSWERS)))
            else:
                turns.append(_small(t, t.pick(SMALL_TALK)))
    return turns


def _small(t: Teller, pair: tuple[str, str]) -> tuple[str, str]:
    return " ".join(t.fill(pair[0]).split()), t.fill(pair[1])
