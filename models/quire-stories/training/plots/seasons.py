"""Plots of weather, night and patience: a storm, the dark, a seed, a skill, a wish, a soup, a snowman."""

from __future__ import annotations

import people
import scenes
import words
from grammar import Teller


def storm(t: Teller) -> None:
    with_friend = t.chance(0.5)
    people.friend(t)
    t.about("a storm", "the rain", "[a hkind] in a storm", "thunder and lightning", "a rainbow")
    scenes.opening(t)
    scenes.begin_day(t)
    if with_friend:
        t.say("[His] friend, [fintro], {was there too|came along}. They {played|ran around|laughed} {near|by} "
              "[spot1].")
    else:
        t.say("[He] {played|sat|looked for stones|sang to [himself]} {near|by} [spot1].")
    t.say("{Suddenly|Then|But soon}, {dark|black|big gray} clouds {came over the hills|covered the sun|filled the "
          "sky}. {The wind began to {blow|howl}.|It began to rain.|Thunder rolled.}")
    t.say("{Boom|Crash}! {Lightning|A flash of lightning} lit up the sky. [H] was {very |}[scared].")
    t.paragraph()
    if with_friend:
        t.say('"{Come with me|Quick, over here|Follow me}!" {called|cried|shouted} [f]. They {hid|ran to hide} '
              '[shelter].')
        t.say('"I do not like {thunder|storms}," said [h]. "{Hold my hand|Let us count to ten|Let us sing a '
              'song}," said [f]. "{The storm will pass|It will be over soon|It is only noise}."')
    else:
        t.say("[He] {hid|ran to hide} [shelter]. There sat [fintro], {wet and cold|all wet|hiding too}.")
        t.say('"I am afraid of the storm," said [f].' +
              ' "{So am I|Me too}," said [h]. "{Let us sit close together|Let us wait together|We can sing until '
              'it stops}."')
    t.say("{They {told stories|sang songs|counted} {and waited|until the thunder was far away}.|They {waited|sat} "
          "side by side, and the thunder {did not seem so loud|seemed far away}.}")
    t.say("{At last|Soon|After a while}, the {rain|storm} {stopped|was over} and the sun came out. {There was|They "
          "saw} {a {big|bright|beautiful} rainbow|a rainbow} over [place].")
    t.maybe("They {jumped in|splashed in} {all the|the} puddles {and laughed|until they were wet from head to toe}.")
    t.ask("Where did they hide?", "They hid [shelter].")
    t.ask("What did they see after the storm?", "They saw a rainbow.")
    t.ask("Who was with [h]?", "[F] was with [h].")
    scenes.closing(t, "[h] was not {so |}afraid of {storms|thunder} any more")


def dark(t: Teller) -> None:
    people.grown_up(t, family=True)
    thing, sound = t.pick((("a branch", "tapping on the window"), ("the cat", "playing with a ball"), ("an old coat",
                          "swinging on a hook"), ("a mouse", "eating a nut"), ("the wind", "moving the door"),
                          ("a moth", "flying around the lamp"), ("a drop of water", "falling into a bowl")))
    t.let(thing=thing, sound=sound)
    t.about("the dark", "a strange noise at night", "being brave", "[a hkind] who was afraid of the dark")
    scenes.opening(t)
    t.say("But {there was one thing [he] did not like: the dark|[h] was afraid of the dark|at night, [he] was "
          "always [scared]}.")
    t.say("One night, [h] {lay in bed|was in bed|could not sleep}. {Then [he] heard|Suddenly there was} a "
          "{strange|soft|funny} {noise|sound}. {Tap, tap, tap.|Swish, swish.|Bump, bump.|Scratch, scratch.}")
    t.say('"{Is it a monster|What is that|Who is there}?" {thought [h]|whispered [h]}. [He] {pulled the blanket '
          'over [his] head|held [his] breath|called for [p]}.')
    t.paragraph()
    t.say('[P] came {in|into the room} with {a lamp|a candle|a small light}. "{Let us look together|Let us see '
          'what it is|Come, we will find out}," [phe] said.')
    t.say("[H] took {a deep breath|[phis] hand} and {looked|went to look|tiptoed across the room}. {It was only|It "
          "was just|And there it was:} [thing], [sound]!")
    t.say('[H] {laughed|had to laugh|began to laugh}. "{It was only [thing]|That is not a monster|I am not afraid '
          'of that}!" [he] said.')
    t.maybe('"{Things look different in the dark|Most scary things are small|You were very brave}," said [p].', 0.7)
    t.say("[H] {closed [his] eyes|lay down again|said good night} and {was soon asleep|slept until morning|fell "
          "asleep}.")
    t.ask("What made the noise?", "It was [thing], [sound].")
    t.ask("Who came with a light?", "[P] came with a light.")
    if t.chance(0.55):
        t.say("{From that night on|After that night}, [h] {was not afraid of the dark|looked first and was not "
              "afraid}.")
    t.maybe("The end.", 0.15)


def seed(t: Teller) -> None:
    people.wise_one(t)
    t.let(seed=t.pick(words.SEEDS))
    t.about("a seed", "a garden", "[a seed] seed", "being patient")
    scenes.opening(t)
    t.say("One day in spring, [h] {found|was given|got} [a seed] seed. [He] {dug a small hole|made a hole} "
          "{near|behind|in front of} [his] [hhome], {put the seed in|dropped the seed in}, and {gave it "
          "water|covered it with soil}.")
    t.say("{The next morning|The next day}, [h] {ran out to look|went to look}. {Nothing was there.|There was only "
          "soil.} {The day after that, there was still nothing.|[He] waited and waited, but nothing came up.|}")
    t.say('"{My seed is not growing|Why does it not grow|It will never grow}," said [h]{| and felt very [sad]}.')
    t.paragraph()
    t.say('[W] {heard [him]|came by}. "{Good things take time|Be patient|A seed needs time}," said [w]. "{Give it '
          'water and sun|Water it every day|Look after it}{ and wait|, and you will see}."')
    t.say("So [h] {watered it|gave it water} every {day|morning}. {[He] {sang|talked} to it.|[He] pulled out the "
          "weeds.|[He] kept the {birds|snails} away.|}")
    t.say("{Then one morning|And one day|At last}, {there was|[he] saw} a {tiny|small} green {leaf|shoot}! {Day by "
          "day|Every day|Little by little} it grew{ taller| bigger|}.")
    if t.slots["seed"] in ("sunflower", "rose", "tulip"):
        t.say("By summer, there was a {beautiful|big|bright} [seed]{, taller than [h]| that smelled sweet|, and "
              "all the bees came to visit}.")
    else:
        t.say("By {summer|autumn}, there were {many|so many|lots of} {ripe|big|fine} {fruits|things to eat} on it. "
              "[H] {shared them with|gave some to} {everyone|all [his] friends|[w]}.")
    t.ask("What did [h] plant?", "[H] planted [a seed] seed.")
    t.ask("Who told [h] to be patient?", "[W] told [h] to be patient.")
    scenes.closing(t, "{[h] knew how to wait|[h] was patient|[h] planted new seeds every spring}")


def skill(t: Teller) -> None:
    people.grown_up(t) if t.chance(0.5) else people.friend(t)
    if "p" not in t.slots:
        for of in ("", "he", "him", "his"):
            t.slots[f"p{of}"] = t.slots[f"f{of}"]
        teacher = "[His] friend, [fintro],"
    else:
        teacher = "[P]"
    verb, doing, failed = t.pick(words.SKILLS)
    t.let(do=verb, doing=doing, failed=failed)
    t.about("learning to [do]", "[a hkind] who could not [do]", "not giving up", "[doing]")
    scenes.opening(t)
    t.say("{There was one thing [h] wanted very much: to [do].|More than anything, [h] wanted to [do].|[H] wanted "
          "to learn to [do].}")
    t.say("One [weather] [time], [he] [went] to [place] {to try|and tried}. {But [he] [failed].|[He] tried once "
          "and [failed].|[He] [failed].}")
    t.say('"{I cannot do it|I will never learn|It is too hard}," said [h]{|, and {a tear|tears} ran down [his] '
          'face}.')
    t.paragraph()
    t.say(teacher + ' saw {it|this|[him]}. "{When I was small, I could not do it either|No one can do it the first '
                    'time|Everyone has to learn}," [phe] said. "{Try again, and I will help you|Just keep '
                    'trying|Do it slowly, one step at a time}."')
    t.say("So [h] tried again{| and again| and again and again}. {The next day, [he] came back and tried once "
          "more.|Every day [he] was a little better.|Sometimes [he] [failed], but [he] did not give up.}")
    t.say('{Then one day|At last|And then, one morning}, {it worked|[he] could do it|it went well}! "{Look at me|I '
          'did it|I can [do]}!" {cried|shouted|called} [h].')
    t.say('[P] {clapped|laughed|smiled}. "{I knew you could do it|See, you did not give up|I am so proud of you}!" '
          '[phe] said.')
    t.maybe("[H] was very {proud|[glad]}.")
    t.ask("What did [h] want to learn?", "[H] wanted to learn to [do].")
    t.ask("Who helped [h]?", "[P] helped [h].")
    scenes.closing(t, "[h] {never gave up|knew that you have to keep trying|loved to [do]}")


def wish(t: Teller) -> None:
    giver = t.pick(("a golden fish", "a shooting star", "an old lamp", "a tiny fairy", "a talking frog", "a magic tree",
                    "a silver bird"))
    bare = giver.split(" ", 1)[1]
    what, trouble, undo = t.pick((
        ("to be as big as a house", "could not fit through any door", "to be small again"),
        ("to eat cake all day", "got a terrible stomach ache", "to eat soup and bread again"),
        ("to have all the toys in the world", "had no room left to play", "to have only one toy"),
        ("to fly like a bird", "was blown far away by the wind", "to stand on the ground again"),
        ("to never have to sleep", "was so tired that nothing was fun", "to sleep in a warm bed"),
        ("to be the only one in the world", "was lonely, with no one to play with", "to have everyone back"),
        ("to turn everything into gold", "could not even eat an apple", "to make everything normal again"),
        ("to be invisible", "could not be found by anyone", "to be seen again"),
    ))
    t.let(giver=giver, thegiver=f"the {bare}", what=what, trouble=trouble, undo=undo)
    t.about("a wish", "magic", "[a hkind] who made a wish", "[giver]")
    scenes.opening(t)
    scenes.begin_day(t)
    t.say('{There|By [spot1]|Near [spot1]} [he] {found|met|saw} [giver]. "{You may have one wish|I can grant you a '
          'wish|Make a wish}," said [thegiver].')
    t.say('"I wish [what]!" said [h]{| at once| without thinking}. {And so it was.|There was a flash of light, and '
          'the wish came true.|And the wish came true.}')
    t.paragraph()
    t.say("{At first|In the beginning}, [h] was {very |so |}[glad]. {But soon|But then}, [he] [trouble].")
    t.say("{[He] {sat down and cried|felt very [sad]}.|\"Oh dear,\" said [h]. \"This is not what I wanted.\"}")
    t.say('[H] {ran|went|hurried} back to [thegiver]. "{Please|Please, please}, {I want|I wish} [undo]," [he] '
          'said.')
    t.say('[Thegiver] {laughed softly|smiled|nodded}. "{Be careful what you wish for|Now you know|What you have is '
          'often enough}," it said, and everything was as before.')
    t.ask("What did [h] wish for?", "[H] wished [what].")
    t.ask("Who gave [h] a wish?", "[Thegiver] gave [h] a wish.")
    scenes.closing(t, "[h] {was happy with what [he] had|thought twice before making a wish}")


def soup(t: Teller) -> None:
    people.friend(t)
    people.wise_one(t)
    dish = t.pick(("soup", "bread", "a cake", "a pie", "pancakes", "cookies", "a stew"))
    missing = t.pick(("salt", "flour", "sugar", "honey", "milk", "butter", "apples", "eggs", "carrots", "a big pot"))
    t.let(dish=dish, missing=missing)
    t.about("cooking", "making [dish]", "a party", "helping each other", "dinner")
    scenes.opening(t)
    t.say("One [weather] [time], [h] wanted to make [dish] {for all [his] friends|for dinner|for a party}. [He] "
          "{got everything ready|put on an apron|lit the fire}.")
    t.say('"{Oh no|Oh dear}," said [h]. "{I have no big pot|There is no big pot}!"'
          if missing.startswith("a ") else
          '"{Oh no|Oh dear}," said [h]. "{I have no [missing]|I forgot the [missing]|There is no [missing] left}!"')
    t.paragraph()
    t.say('[H] {asked|went to|ran to} [f] first. "{I am sorry, I have none|I have none too}," said [f], "but {I '
          'can help you look|I will come with you}."')
    t.say('{Then they|Together they} {asked|went to} [w]. "{Yes, I have plenty|Of course you may have some|Take '
          'what you need}," said [w]. "{May I come to dinner|Can I have a little when it is '
          'done}?"' if not missing.startswith("a ") else
          '{Then they|Together they} {asked|went to} [w]. "{You may have mine|Take mine}," said [w]. "{May I come '
          'to dinner|Can I have a little when it is done}?"')
    t.say("So they {all cooked|cooked and sang|mixed and stirred} together. {Soon the house smelled wonderful.|It "
          "smelled so good that {everyone|the neighbors} came.|}")
    t.say("They {sat around the table|ate until they were full|ate and laughed}. {There was enough for "
          "everyone.|Nothing ever tasted better.|It was delicious.}")
    t.ask("What did [h] want to make?", "[H] wanted to make [dish].")
    t.ask("What was missing?", "There was no [missing].")
    t.ask("Who gave them what they needed?", "[W] gave them what they needed.")
    scenes.closing(t, "they {cooked together every week|helped each other|had dinner together often}")


def snow(t: Teller) -> None:
    people.friend(t)
    nose = t.pick(("carrot", "pine cone", "stone", "stick", "apple", "button"))
    t.let(nose=nose, color=t.pick(words.COLORS), season="winter", snowname=t.pick(words.PETS))
    t.about("a snowman", "winter", "snow", "a snowy day")
    scenes.opening(t)
    t.say("One winter morning, [h] {woke up and looked out|opened the door}. {Everything was white.|Snow had "
          "fallen all night.|The whole world was white with snow.}")
    t.say('[H] {called|ran to get} [his] friend, [fintro]. "{Let us build a snowman!|Shall we build a snowman?}" '
          '[he] said.')
    t.say("They {rolled|made} {three big balls|two big balls} of snow. For the nose they {took|used} [a nose], and "
          "they gave it [a color] scarf.")
    t.say('"{He looks cold|He needs a name|He looks happy}," said [f]. {They called him [snowname].|"His name is '
          '[snowname]," said [h].}')
    t.paragraph()
    if t.chance(0.5):
        t.say("{But the next day|A few days later}, the sun {was warm|came out}, and [snowname] {began to melt|got "
              "smaller and smaller}. [H] was [sad].")
        t.say('"{Do not be sad|He will come back}," said [f]. "{He will be back next winter|Snow turns into water, '
              'and water makes flowers grow|He is going home to the clouds}."')
        t.say("{They kept the [color] scarf in a box|They put the scarf away}{ and waited for {winter|the next "
              "snow}.|.} {And next winter, [snowname] was back.|}")
        t.ask("Why was [h] sad?", "[H] was sad because the snowman melted.")
    else:
        t.say('That night, {when the moon was bright|when all was quiet}, [snowname] {opened his eyes|began to '
              'move}! "{Thank you for the scarf|Come and dance with me}," said the snowman.')
        t.say("[H] and [f] {danced|played|slid down the hill} with him {until the stars went out|until it was "
              "late}. In the morning, he stood still again, but he {winked|was smiling}.")
        t.ask("When did the snowman move?", "The snowman moved at night.")
    t.ask("What was the snowman called?", "The snowman was called [snowname].")
    scenes.closing(t, "they {built a snowman every winter|loved the snow even more}")
