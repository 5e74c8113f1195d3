"""Plots between people: a new friend, a race, a quarrel, a hurt stranger, a stray."""

from __future__ import annotations

import people
import scenes
import words
from grammar import Teller


def new_friend(t: Teller) -> None:
    people.friend(t)
    t.let(doing=t.pick(("building a tower of stones", "flying a kite", "drawing in the sand", "playing with a ball",
                        "feeding the birds", "reading a book", "singing a song", "blowing bubbles", 
                        "making a crown of flowers", "jumping over a rope", "looking for shells", "playing the flute")))
    t.about("making a friend", "a new friend", "a lonely [hkind]", "a shy [hkind]", "[h] and [f]")
    scenes.opening(t)
    t.say("{But [h] had no one to play with.|[H] was new in {town|the valley|the village} and had no friends "
          "yet.|[H] often felt {lonely|a little lonely}.}")
    scenes.begin_day(t)
    t.say("{There|Near [spot1]|Next to [spot1]}, [he] saw [fintro], who was [doing].")
    t.say("[H] wanted to {say hello|play too|join in}, but [he] was {too shy|very shy|afraid to ask}. {So [he] hid "
          "behind [spot2].|[He] {looked at|only looked at} [his] [feet].|}")
    t.paragraph()
    named = t.slots["f"] == t.slots["fcall"]
    t.say("{Then|But then|After a while}, [f] {looked up|turned around|saw [h]} and {smiled|waved}. " +
          '"{Hello|Hi}! ' + ("{I am [f]. |My name is [f]. |}" if named else "") +
          '{Do you want to play|Would you like to play|Will you play with me}?"')
    t.say('"{Yes|Oh yes|Yes, please}," said [h]{| in a small voice| with a big smile}.')
    t.say("{So they|They|The two of them} {played|laughed and played|told jokes and played} {until the sun went "
          "down|all [time]|until they were tired}.")
    t.maybe("[H] shared [his] {sandwich|apple|cookies|bread}, and [f] shared [fhis] {juice|berries|nuts|plums}.", 0.4)
    t.say('{"Will you come {back |}tomorrow?" asked [h]. "{Of course|Yes|I will}!" said [f].|When it was time to '
          'go home, [f] said, "{See you tomorrow|I am glad I met you}!"|"I have a friend now," thought [h].}')
    t.ask("Who did [h] meet?", "[H] met [f].")
    t.ask("What was [f] doing?", "[F] was [doing].")
    t.ask("Where did they meet?", "They met [at].")
    scenes.closing(t, "{[h] was not lonely any more|they {played|met} [at] every day|[h] and [f] were best friends}")


def race(t: Teller) -> None:
    people.friend(t)
    t.let(goal=t.pick(("the old mill", "the tall pine", "the big rock", "the wooden bridge", "the red gate",
                       "the well")))
    t.about("a race", "a [hkind] who wanted to win", "winning and losing", "[h] and [f]")
    scenes.opening(t)
    t.say("[H] was very {fast|quick}{| and very proud of it| and told everyone about it}.")
    t.say('One [weather] [time], [h] said to [fintro], "{I am faster than you|You can never catch me|I bet I can '
          'beat you}!"')
    t.say('"{Then let us race|Let us see|Let us find out}," said [f]. "{The first one to reach [goal] wins|We will '
          'run to [goal]}."')
    t.paragraph()
    t.say('"{Ready, set, go|One, two, three, go}!" {They ran|Off they went|Away they ran}. [H] was {soon far '
          'ahead|in front|quickly ahead}.')
    if t.chance(0.5):
        t.say("{[He] was so sure that [he] would win that [he] sat down {by|near} [spot1] and fell asleep.|[He] "
              "stopped {by|near} [spot1] to {rest|eat berries|look in a puddle}.}")
        t.say("[F] {went on and on|did not stop|kept going}, step by step.")
        t.say("When [h] looked up, [f] was {almost at|already at|very close to} [goal]! [H] ran as fast as [he] "
              "could, but {it was too late|[f] won}.")
        t.say('"{Well done|Good race}, [fcall]," said [h]. "{You won because you did not give up|I was too proud}."')
        t.ask("Who won the race?", "[F] won the race.")
        t.ask("Why did [h] lose?", "[H] lost because [he] stopped on the way.")
        lesson = "[h] {did not boast any more|never boasted again|always finished what [he] began}"
    else:
        t.say("{But then|Suddenly}, [he] heard a cry. [F] had {fallen over a root|slipped in the mud|hurt [fhis] "
              "leg}!")
        t.say("[H] looked at [goal]. {It was so close.|[He] could win now.} But [he] {turned around|stopped} and "
              "{ran|went} back.")
        t.say('"{Are you all right|Are you hurt}, [fcall]?" asked [h]. [He] {helped [fhim] up|wiped off the '
              'mud|gave [fhim] a hug}.')
        t.say('{They walked|Side by side, they walked} to [goal] together. "{We both won|This is better than '
              'winning}!" said [f].')
        t.ask("Who was hurt?", "[F] was hurt.")
        t.ask("What did [h] do?", "[H] stopped and helped [f].")
        lesson = "[h] knew that {a friend is better than a prize|it is good to win, but better to help}"
    scenes.closing(t, lesson)


def rescue(t: Teller) -> None:
    baby = t.pick(("bird", "duckling", "kitten", "squirrel", "butterfly", "lamb", "bee", "hedgehog", "frog", "puppy"))
    trap = t.pick(("stuck in a net", "stuck in the mud", "caught in a thorn bush", "trapped under a branch",
                   "tangled in a string", "stuck in a deep hole", "shut in an old box"))
    t.let(baby=baby, trap=trap)
    t.about("helping", "a [baby] in trouble", "[a hkind] who helped a [baby]", "being kind")
    scenes.opening(t)
    scenes.begin_day(t)
    t.say("{Suddenly|Then|All at once}, [he] heard a {small|weak|tiny|sad} {sound|cry|voice}. [He] looked "
          "{behind|near|next to} [spot1] and saw a {little|tiny|small} [baby]. It was [trap]!")
    t.say('"{Help|Please help me|Help, help}!" {it cried|cried the [baby]}.')
    t.say('"{Do not be afraid|I will help you|Hold still, little one}," said [h].')
    t.paragraph()
    t.say("{At first|First}, [h] {tried to pull it out|pulled and pulled|tried with [his] [hands]}, but it {was "
          "too hard|did not work}.")
    if t.chance(0.5):
        people.friend(t)
        t.say("{So [he] ran to get|Luckily, [he] saw|So [he] called} [his] friend [f]. Together they "
              "{pulled|worked} {very carefully|slowly and gently}, and {soon|at last} the [baby] was free.")
        t.ask("Who helped [h]?", "[F] helped [h].")
    else:
        t.say("{Then [he] had an idea.|[He] thought hard.} [He] {found|took} a {long stick|strong rope|sharp "
              "stone} and {very carefully|slowly and gently} {set|got} the [baby] free.")
        t.ask("Who set the [baby] free?", "[H] set the [baby] free.")
    t.say('"{Thank you|You saved me|I will never forget this}!" said the [baby].')
    if t.chance(0.5):
        t.say('{A few days later|The next day|Some time later}, [h] {was lost|lost [his] way} {in the fog|in the '
              'dark|in the deep woods}. {Then [he] heard a small voice|A small voice called}: "{Follow me|This '
              'way}!" It was the [baby]!')
        t.say("The [baby] {showed [him] the way|led [him] safely} home.")
        t.ask("Who showed [h] the way home?", "The [baby] showed [h] the way home.")
    else:
        t.say("[H] {brought it water and food|carried it back to its mother|gave it some bread}, and {the [baby] "
              "was [glad]|it was soon well again}.")
    t.ask("What happened to the [baby]?", "The [baby] was [trap].")
    scenes.closing(t, "{[h] and the [baby] were friends|[h] helped everyone who was in trouble}")


def stray(t: Teller) -> None:
    people.grown_up(t, family=True)
    pet = t.pick(("kitten", "puppy", "duckling", "rabbit", "parrot", "pony", "turtle", "hen"))
    t.let(pet=pet, color=t.pick(("white", "brown", "black", "gray", "golden")),
          name=t.pick([name for name in words.PETS if name != t.slots["h"]]))
    t.about("a lost [pet]", "a [pet] named [name]", "a new pet")
    scenes.opening(t)
    t.say("One {rainy|cold|windy|[weather]} {evening|morning|[time]}, [h] {found|saw} a {little|small|tiny} "
          "[color] [pet] {by the door|on the road|near the gate|under the steps}. It was {wet and hungry|all "
          "alone|cold and tired}.")
    t.say('"{May we keep it|Can it stay with us|Can I keep it}{|, please}?" [h] asked [p].')
    t.say('"{It may belong to someone|First we must look for its owner|Someone may miss it}," said [p]. "{But it '
          'can stay tonight|Let us give it some food first}."')
    t.paragraph()
    t.say("[H] gave the [pet] {warm milk|some food and water|a soft blanket|a box to sleep in}. {The [pet] curled "
          "up and slept.|It looked at [him] with big eyes.}")
    t.say("The next {day|morning}, they asked {all the neighbors|everyone in the village|at every house}.")
    if t.chance(0.5):
        t.say("No one {knew|had lost} the [pet]. \"{Then it can stay|Then it is yours}!\" said [p].")
        t.say("[H] was so [glad]! [He] {called it|named it} [name]. {[name] {followed|went with} [him] "
              "everywhere.|They {played|slept} side by side.}")
        t.ask("What did [h] call the [pet]?", "[H] called the [pet] [name].")
        lesson = "{[h] was never alone|[h] and [name] did everything together}"
    else:
        people.friend(t)
        t.say('At the last house {lived|they met} [fintro], who {had been crying|looked very [sad]}. "{My|Oh, my} '
              '[name]!" cried [f]. "{You found|You have found} my [pet]!"')
        t.say('[H] was {sad to say goodbye|a little sad}, but [he] {gave the [pet] back|knew it was right}. "You '
              'can {visit us|play with [name]} {every day|any time}!" said [f].')
        t.ask("Who was the owner of the [pet]?", "[F] was the owner of the [pet].")
        lesson = "[h] {visited [f] and [name]|had two new friends}{| every week}"
    t.ask("What did [h] find?", "[H] found a [color] [pet].")
    scenes.closing(t, lesson)


def quarrel(t: Teller) -> None:
    people.friend(t)
    people.wise_one(t)
    t.let(fort=t.pick(("a tree house", "a sand castle", "a raft", "a snow fort", "a little hut", "a dam of stones")))
    bare = t.slots["fort"].removeprefix("a ")
    t.let(thefort=f"the {bare}")
    t.about("a quarrel", "two friends who had a fight", "saying sorry", "[h] and [f]", "building [fort]")
    scenes.opening(t)
    t.say("[H] and [his] friend, [fintro], wanted to build [fort] [at].")
    t.say('"{It must be tall|I want a big door|Let us make it round|I want a flag on top}," said [h]. "{No, it '
          'must be strong|No, I want a window|No, I know better|No, my way is better}," said [f].')
    t.say("They {began to shout|got very angry|shouted at each other}. {[F] went home.|[H] {kicked|threw} a stone "
          "and walked away.|They sat down back to back.}")
    t.paragraph()
    t.say("{Soon|After a while|Later that day}, it {began to rain|began to get dark|got cold}, and [thefort] was "
          "not done. [H] {felt [sad]|missed [f]|was sorry}.")
    t.say('{[W] had seen it all|[W] was watching from {above|[spot1]}}. "{One of you is strong and one is '
          'clever|Two heads are better than one|Angry words build nothing}," said [w].')
    t.say('[H] [went] to [f]. "{I am sorry that I shouted|I am sorry|Please forgive me}," [he] said. "{I am sorry '
          'too|Me too}," said [f].')
    t.say("They hugged, and {this time|now} they {listened to each other|took turns to choose|used both ideas}. "
          "{By evening|Soon|The next day}, [thefort] was {ready|done|finished}. It was {the best [place] had ever "
          "seen|tall and strong|better than they had dreamed}.")
    t.ask("What did [h] and [f] build?", "They built [fort].")
    t.ask("Who talked to them?", "[W] talked to them.")
    scenes.closing(t, "they {talked instead of shouting|listened to each other|were better friends than ever}")
