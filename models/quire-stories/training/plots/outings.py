"""Plots without much trouble: a day somewhere, and a visitor. What happens is mostly chance, so that the model also
learns to go on from whatever stands there."""

from __future__ import annotations

import people
import scenes
import words
from grammar import Teller

OUTINGS = {
    "the zoo": ("a tiger asleep in the sun|two monkeys on a rope|a giraffe with a very long neck|an elephant "
                "washing its back|a penguin with a fish|a parrot that could talk"),
    "the market": ("a man selling red apples|a stand full of cheese|a woman with a basket of eggs|a dog stealing a "
                   "sausage|a girl playing the fiddle|bread as big as a wheel"),
    "the circus": ("a clown on a tiny bike|a horse that could count|a woman walking on a rope|a man who ate fire|a "
                   "dog that jumped through a ring|an elephant with a crown"),
    "the library": ("a book as big as a door|a cat asleep on the shelf|a map of the whole world|an old man reading "
                    "aloud|a book about dragons|a quiet corner with soft pillows"),
    "the beach": ("a crab with one big claw|a boat with white sails|a shell that sang|waves as high as a house|a "
                  "bottle with a letter|a seagull with a fish"),
    "school": ("a new teacher with a kind face|a globe on the desk|a frog in a jar|a picture of a castle|a bell "
               "that rang too early|a boy with a trumpet"),
    "the fair": ("a big wheel full of lights|a stand with sweet nuts|a pig race|a man with a hundred balloons|a "
                 "tent with colored flags|a wooden horse that went around"),
    "the moon": ("a field of silver dust|a small green visitor|the blue earth far below|a flag in the ground|a "
                 "deep round hole|a stone that glowed"),
    "the old castle": ("a stair that went up and up|a rusty suit of armor|a bat hanging from the roof|a door with "
                       "three locks|a picture of a queen|a mouse in a golden cup"),
    "the train station": ("a long black train|a woman with five bags|a clock as big as the sun|a dog waiting for "
                          "someone|a man who blew a whistle|a boy waving a hat"),
    "the mountain": ("a goat on a narrow rock|an eagle high above|a stream of cold water|clouds below their feet|a "
                     "small house of stone|a patch of old snow"),
    "the toy shop": ("a train that ran in circles|a bear as tall as a door|a box that played music|a doll with "
                     "glass eyes|a kite like a dragon|a drum on the wall"),
}
WAYS = ("by bus", "on foot", "by train", "in a small boat", "by bike", "in a red car", "in a rocket", "on a cart",
        "on a donkey")


def day_out(t: Teller) -> None:
    people.friend(t)
    place = t.pick(tuple(OUTINGS))
    sights = OUTINGS[place].split("|")
    t.rng.shuffle(sights)
    way = "in a rocket" if place == "the moon" else t.pick([way for way in WAYS if way != "in a rocket"])
    t.let(goal=place, way=way, sight1=sights[0], sight2=sights[1], sight3=sights[2], food=t.pick(words.FOODS),
          toy=t.pick(words.TOYS), color=t.pick(words.COLORS))
    t.about("[goal]", "a day at [goal]", "a trip", "a trip to [goal]", "[h] and [f]", "two friends")
    roll = t.rng.random()
    if roll < 0.35:
        t.say("{One day,|One [weather] [time],|Last {week|summer|winter},|Today} [h] and [f] {went|took a "
              "trip|traveled} to [goal]{| [way]}.")
    elif roll < 0.7:
        t.say("[H] and [f] {went|walked|wanted to go|were on their way} to [goal]{| one [weather] [time]}.")
    else:
        scenes.opening(t)
        t.say("One [weather] [time], [he] went to [goal] {[way]|} with [his] friend, [fintro].")
    t.say("{There was so much to see.|It was {very |}{loud|quiet|busy|big} there.|They had never been there "
          "before.|}")
    t.say('{First|At first|Near the entrance}, they saw [sight1]. {|"{Look at that|How funny|Oh, look|I like that '
          'best}!" said {[h]|[f]}.|[H] {laughed|pointed at it|stood still}.}')
    t.maybe("{Then|A little later|Next}, they {saw|found|came to} [sight2]. {[F] wanted to {stay|look} "
            "for {an hour|a long time}.|It was {a little |}{strange|beautiful|scary|funny}.|}", 0.75)
    t.paragraph()
    kind = t.pick(("eat", "lose", "fall", "rain", "meet", "buy"))
    if kind == "eat":
        t.say("{At noon|Soon} they were hungry, so they {shared|bought} [a food] and {sat|ate it} {in the shade|on "
              "the steps|side by side}. {A {bird|dog} {came and |}ate the rest.|It was {sweet|warm|very good}.}")
        t.about("[a food]")
        t.ask("What did they eat?", "They ate [a food].")
    elif kind == "lose":
        t.say('{But then|Suddenly}, [h] could not see [f] {any more|anywhere}. [He] {called and called|looked all '
              'around|climbed on a {box|bench|wall}}. "{Here I am|I am over here}!" {cried|called} [f] from behind '
              '{a tree|a door|a wall|a cart}.')
        t.say("{They held hands after that.|They both had to laugh.|[H] was so [glad].}")
        t.ask("Where was [f]?", "[F] was not far away.")
    elif kind == "fall":
        t.say('{Then|Suddenly}, [f] {slipped|tripped} and fell into {a puddle|a pile of leaves|some mud|a barrel '
              'of water}. [H] helped [fhim] up. {"Nothing broken," said [f].|They laughed until their '
              '{sides|bellies} hurt.}')
        t.ask("Who fell?", "[F] fell.")
    elif kind == "rain":
        t.say("{Then|After that} it {began|started} to rain. They {ran under a roof|shared one umbrella|got wet "
              "and did not care}{| and waited| and sang}.")
    elif kind == "meet":
        people.wise_one(t)
        t.say('{There|Then} they met [w]. "{What are you doing here|Where are you going|Are you lost}?" asked [w]. '
              '"{We just want to look|We are on a trip}!" said [h]. [W] {smiled|nodded} and {gave them each a '
              '{sweet|flower|nut}|showed them [sight3]}.')
        t.ask("Who did they meet?", "They met [w].")
    else:
        t.say("[H] had {one|a single|a shiny} coin. {[He] thought for a long time.|} {At last|Then} [he] bought [a "
              "color] [toy]{| for [f]| for [his] {mother|brother|sister}| and gave it to [f]}.")
        t.about("[a toy]", "[a color] [toy]")
        t.ask("What did [h] buy?", "[H] bought [a color] [toy].")
    if kind not in ("meet",):
        t.maybe("{Before they went home|At the end|Last of all}, they saw [sight3].", 0.4)
    t.say("{In the evening|When the sun went down|At last}, they {went|walked|came} home, "
          "{tired|sleepy|wet|hungry} {and|but} {happy|full of stories}.")
    t.ask("Where did they go?", "They went to [goal].")
    t.ask("What did they see?", "They saw [sight1].")
    t.maybe('"{Can we go again tomorrow|When can we go back}?" asked {[h]|[f]}.', 0.4)
    if t.chance(0.3):
        scenes.closing(t, "they went there every {year|month|week}")


def visitor(t: Teller) -> None:
    people.friend(t)
    news = t.pick(("a letter from far away", "a box with holes in it", "a cake with one candle", "a big egg",
                   "a song that no one knew",
                   "a broken wing", "a bag full of seeds", "a lantern", "an old hat", "a strange story"))
    t.let(news=news, food=t.pick(words.FOODS))
    t.about("a visitor", "a guest", "[h] and [f]", "[a fkind]", news)
    scenes.opening(t)
    t.say("One {rainy|cold|stormy|quiet|[weather]} {evening|night|morning}, {someone knocked|there was a knock} at "
          "the door. {[H] was {surprised|[scared]}.|Who could it be?|}")
    t.say('{Outside|There} stood [fintro], {wet|cold|tired|hungry}, with [news]. "{May I come in|Can I stay the '
          'night|Can I rest here}?" asked [f].')
    t.say('[H] {thought for a moment|did not know what to say|looked at the rain|smiled}. "{Come in|Of course|You '
          'are welcome}!" [he] said.')
    t.paragraph()
    t.say("[H] {gave [fhim]|put on the table} [a food] and {some|hot} {milk|tea|water}. {[F] ate {everything|every "
          "bit of it}.|They sat by the fire.|Soon [f] felt {warm|better}.}")
    t.say("Then [f] {told|spoke} of {the sea|a land of ice|the great desert|the high mountains|a city of gold|a "
          "ship with a hundred sails}, and [h] {listened|forgot the time|asked many questions}{| until late}.")
    t.say('In the morning, {[f] was gone|[f] had to go}. {But [fhe] had left|On the table lay} {a '
          '{small|shiny|smooth} {stone|feather|shell|key}|a note that said "thank you"}. {[H] kept it {always|for '
          'many years}.|[H] held it {tight|to the light}.}')
    t.ask("Who came to the door?", "[F] came to the door.")
    t.ask("What did [f] have?", "[F] had [news].")
    scenes.closing(t, "{[h] opened the door to everyone|[h] left a light in the window}")
