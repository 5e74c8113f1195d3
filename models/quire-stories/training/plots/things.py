"""Plots around a thing: lost, shared, broken, given, found."""

from __future__ import annotations

import people
import scenes
import words
from grammar import Teller


def _toy(t: Teller) -> None:
    t.let(toy=t.pick(words.TOYS), color=t.pick(words.COLORS))


def lost(t: Teller) -> None:
    _toy(t)
    helper = t.chance(0.5)
    people.friend(t) if helper else people.wise_one(t)
    if not helper:
        for of in ("", "he", "him", "call"):
            t.slots[f"f{of}"] = t.slots[f"w{of}"]
    t.about("a lost [toy]", "[a toy]", "[a color] [toy]", "[a hkind] who lost [a toy]", "losing something")
    scenes.opening(t)
    t.say("[H] had [a color] [toy]{| that [he] took everywhere| from [his] {grandmother|grandfather|best friend}}.")
    t.maybe("It was [his] favorite thing in the {whole |}world.")
    scenes.begin_day(t)
    t.say("{But when|When} [he] {looked down|stopped to rest|reached [spot1]}, the [toy] was gone!")
    t.say('{"Oh no!" {cried|said} [h]. "Where is my [toy]?"|"My [toy]! I have lost my [toy]!" cried [h].}')
    t.paragraph()
    t.say("[H] {looked|searched} {behind|near|next to} [spot1], but {it|the [toy]} was not there.")
    t.maybe("[He] {looked|searched} {behind|near|next to} [spot2]{| too}, but {found nothing|saw only "
            "leaves}.")
    t.say("[H] {sat down and felt very [sad]|began to cry|felt very [sad]}.")
    t.say("{Just then|Soon|After a while}, [f] {came by|walked by|heard [him]|saw [him]}.")
    t.say('"{What is wrong|Why are you so [sad]|What happened}?" asked [f].')
    t.say('"I {lost|cannot find} my [color] [toy]," said [h].')
    t.say('"{Do not worry|Do not cry|Cheer up}," said [f]. "{I will help you|We will find it together|Let us look '
          'together|Think about where you had it last}."')
    t.paragraph()
    t.let(found="{behind|next to} [thespot3]")
    t.say("{So they|They|Together they} {looked and looked|walked back the way [h] had come|searched all [time]}.")
    t.say("{At last|Then|Suddenly}, [f] {saw|spotted|noticed} something [color] [found].")
    t.say("It was the [toy]! {The wind had blown it there.|It had fallen out of [his] bag.|[H] had left it there "
          "{the day before|while playing}.|A {crow|squirrel} had {dropped|left} it there.}")
    t.say('"{Thank you|Thank you so much|Oh, thank you}, [fcall]!" said [h]{| and gave [fhim] a big hug}.')
    t.maybe("[H] was so [glad] that [he] {danced|jumped up and down|laughed out loud}.")
    t.ask("What did [h] lose?", "[H] lost [a color] [toy].")
    t.ask("Who helped [h]?", "[F] helped [h].")
    t.ask("Where was the [toy]?", "The [toy] was [found].")
    scenes.closing(t, "[h] {took good care of the [toy]|always looked after the [toy]|kept the [toy] close}")


def share(t: Teller) -> None:
    people.friend(t)
    sweet = t.chance(0.5)
    t.let(thing=t.pick(words.FOODS) if sweet else f"{t.pick(words.COLORS)} {t.pick(words.TOYS)}")
    t.about("sharing", "[a thing]", "learning to share", "[a hkind] who would not share", "[h] and [f]")
    scenes.opening(t)
    scenes.begin_day(t)
    t.say("[H] had [a thing]{| with [him]| from home| all to [himself]}.")
    t.say("{Soon|Then|After a while}, [fintro] came {by|along|to play}.")
    t.say('"{What a nice|That is a lovely} [thing]," said [f]. "{Can|May} I {have some|have a bite}{|, please}?"'
          if sweet else
          '"{What a nice|That is a lovely} [thing]," said [f]. "{Can|May} I {play with it|try it|hold it}{|, '
          'please}?"')
    t.say('{"No," said [h]. "It is {mine|all mine|only for me}."|"No!" said [h] and {turned away|held it tight}.}')
    t.say("[F] {looked down|felt very [sad]|went away without a word|sat down alone by [spot1]}.")
    t.paragraph()
    t.say("[H] {ate a little|took a bite}, but it did not taste good." if sweet else
          "[H] {played alone|played by [himself]}, but it was {no fun|not much fun}.")
    t.maybe("[H] looked at [f] and {felt sorry inside|thought about what [he] had said}.", 0.6)
    t.maybe("[H] {remembered|thought of} how {sad|lonely} it feels to be left out.")
    t.say('[H] [went] {over |}to [f]. "I am sorry," [he] said. "{Let us share|We can share it|Would you like '
          'some|Here, half is for you}."' if sweet else
          '[H] [went] {over |}to [f]. "I am sorry," [he] said. "{Let us play together|We can share it|You can have '
          'a turn}."')
    t.say("[F] {smiled|began to smile|was [glad] again}. {They ate it together|They sat side by side and ate}{|, "
          "and it tasted much better}." if sweet else
          "[F] {smiled|began to smile|was [glad] again}. They {took turns|played together} {until the sun went "
          "down|all [time]}.")
    t.maybe('"{This is much better|It is better with a friend}," said [h].')
    t.ask("What did [h] have?", "[H] had [a thing].")
    t.ask("Who wanted to share with [h]?", "[F] wanted to share with [h].")
    t.ask("What did [h] learn?", "[H] learned to share.")
    scenes.closing(t, "{[h] and [f] shared everything|[h] was always happy to share|they were the best of friends}")


def mistake(t: Teller) -> None:
    people.grown_up(t)
    t.let(broken=t.pick(("cup", "vase", "window", "plate", "clock", "lamp", "flower pot", "bowl", "chair", "fence")))
    t.about("a mistake", "telling the truth", "a broken [broken]", "being honest")
    scenes.opening(t)
    t.say("One [weather] [time], [h] was {playing|running|dancing|jumping} {in the house|around the yard|with "
          "[his] {ball|kite|drum}}{| while [p] was {out|busy|resting}}.")
    t.say("{Crash|Bang|Oh no}! [H] {bumped into|ran into|hit|fell over} the {old |blue |big |white |}[broken], and "
          "it broke.")
    t.say("The [broken] {belonged to|was very dear to} [p].")
    t.say("[H] was [scared]. {[He] wanted to hide the pieces.|[His] heart beat fast.|[He] hid behind the door.}")
    t.paragraph()
    t.say('{Soon|Then|A little later}, [p] came {in|home|back}. "{What happened here|Who did this|What was that '
          'noise}?" [phe] asked.')
    if t.chance(0.35):
        t.say('"{I do not know|It was the {wind|cat|dog}}," said [h]. But [he] felt {bad|awful|[sad]} inside.')
        t.say("{After dinner|That evening|A little later}, [h] could not {stay quiet|keep it inside} any more.")
    t.say('[H] {took a deep breath|looked at the floor}. "{I broke the [broken]|It was me}," [he] said. "I am '
          '{so|very} sorry."')
    t.say('[P] {was quiet for a moment|looked at [him] for a while|knelt down|sighed}. "{Thank you for telling {me '
          '|}the truth|Everyone makes mistakes|It takes courage to tell the truth}," [phe] said.')
    t.say('"{Come, we will fix it together|Let us mend it together|We can fix it with some glue}."')
    t.say("{So they|They|Together they} {worked|sat at the table} {all [time]|until dinner}{| with glue and "
          "paint}, and {soon|at last} the [broken] {looked almost new|was whole again|was even prettier than "
          "before}.")
    t.say("[H] {felt light again|felt much better|gave [phim] a big hug|was [glad]}.")
    t.ask("What did [h] break?", "[H] broke the [broken].")
    t.ask("Who fixed the [broken]?", "[H] and [p] fixed it together.")
    scenes.closing(t, "[h] {always told the truth|was more careful|knew that the truth is best}")


def gift(t: Teller) -> None:
    people.friend(t)
    t.let(gift=t.pick(("crown of flowers", "painted stone", "little boat", "warm scarf", "card with a big heart",
                       "necklace of shells", "wooden spoon", "funny song", "paper star", "cake", "picture", "basket")))
    t.about("a birthday", "[a gift]", "a birthday gift", "making a gift", "[h] and [f]")
    scenes.opening(t)
    t.say("[H] had a {good|dear|best} friend, [fintro]. {Tomorrow was|It was almost|Soon it would be} [fs] "
          "birthday.")
    t.say("[H] wanted to give [f] {a gift|something special|the best gift}, but [he] had {no money|no money at "
          "all|only one coin}.")
    t.say("[H] {thought and thought|sat down to think|felt [sad]}.")
    if t.chance(0.5):
        people.grown_up(t, family=True)
        t.say('"{The best gifts are made with love|You can make something|A gift does not need money}," said [p].')
    t.say("{Then|At last|Suddenly} [h] had {an idea|a wonderful idea|a plan}. [He] would make [a gift]!")
    t.paragraph()
    t.say("[H] [went] to [place] and {found|gathered|looked for} {all [he] needed|what [he] needed|many pretty "
          "things}.")
    t.say("[He] worked {all [time]|all day|until it was dark}. {It was not easy, but [he] did not give up.|[His] "
          "[hands] got tired, but [he] kept going.|}")
    t.say('{The next day|On the birthday|At the party}, [h] {gave [f] the [gift]|said, "Happy birthday, [fcall]!" '
          'and held out the [gift]}.')
    t.say('[F] {opened [fhis] eyes wide|could not believe it|gave a happy shout}. "{This is the best gift of all|I '
          'love it|You made this for me}!" [fhe] said.')
    t.maybe("They {ate cake|sang songs|danced|played games} {together |}until the stars came out.")
    t.ask("What did [h] make?", "[H] made [a gift].")
    t.ask("Whose birthday was it?", "It was [fs] birthday.")
    scenes.closing(t, "[f] {kept the [gift] always|never forgot the [gift]}" if "song" not in t.slots["gift"]
                   else "[f] sang the song every day")


#: What is in the way, and how two friends get past it.
GUARDS = (
    ("a deep river", "made a bridge out of a log|made a raft out of branches"),
    ("a dark cave", "lit a candle|held each other's hands"),
    ("a high wall", "tied a rope to a tree|climbed from stone to stone"),
    ("a field of thorns", "crept under the thorns|made a path with a stick"),
    ("a steep hill", "tied a rope to a tree|pulled each other up"),
    ("a muddy swamp", "jumped from stone to stone|put branches on the mud"),
)


def treasure(t: Teller) -> None:
    people.friend(t)
    t.let(prize=t.pick(("a box of old coins", "a chest full of toys", "a golden key", "a shiny crown", "a jar of honey",
                        "a book of stories", "a pile of shiny shells", "a little silver bell")))
    guard, crossed = t.pick(GUARDS)
    t.let(guard=guard)
    bare = t.slots["guard"].removeprefix("a ")
    t.let(theguard=f"the {bare}")
    t.about("an adventure", "a treasure", "a treasure map", "[h] and [f]", "two friends on an adventure")
    scenes.opening(t)
    t.say("One [weather] [time], [h] found {an old map|a strange map|a piece of paper with a map} {behind|next "
          "to|near} [spot1] [at].")
    t.say('[He] showed it to [his] friend, [fintro]. "{Look|See}," said [h], "{it shows a treasure|there is a '
          'treasure|this red cross must be a treasure}!"')
    t.say('"{Let us go and find it|Let us go|I will come with you}!" said [f].')
    t.paragraph()
    t.say("{They|The two friends} {walked for a long time|followed the map|walked and walked} until they came to "
          "[guard].")
    t.say('"{Oh dear, what do we do now|How can we go on}?" asked [f].')
    t.say("[H] {looked around|thought for a moment|was not afraid}. They {" + crossed + "}{| and sang a song to be "
          "brave}, and {step by step|slowly|at last} they left [theguard] behind.")
    t.say("On the other side {they saw|they found|stood} [spot2]. {They dug {in the ground|and dug}|They looked {next "
          "to|behind} it}, and there it was: [prize]!")
    t.say('"{We did it|Hooray|We found it}!" {cried|shouted|said} {[h]|[f]|both of them}.')
    t.say("They {carried it home|took it home} and {shared it|showed it to everyone|told everyone about it}.")
    t.maybe('"{The best treasure is a good friend|I could not have done it without you}," said [h].')
    t.ask("What did [h] and [f] find?", "They found [prize].")
    t.ask("What was in their way?", "[Guard] was in their way.")
    scenes.closing(t, "{they went on many more adventures|they were never afraid of [guard] again}")
