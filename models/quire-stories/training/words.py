"""The words of the stories: who may be in them, where, with what, and in which weather."""

GIRLS = (
    "Mia Lily Anna Emma Zoe Ruby Clara Nora Ella Rosa Ivy Maya Lucy Ada Sara Hana Lena Tilda Amy Eva Nina Kate "
    "Molly Jane Sofia Alma Freya Penny Daisy Grace Wren Leila Priya Yuki Carmen Greta"
).split()
BOYS = (
    "Tom Ben Sam Leo Max Finn Oscar Jack Noah Theo Hugo Milo Omar Kofi Luca Eli Will Ravi Nico Adam Paul Tim Ned "
    "Felix Jonas Toby Ali Henry Emil Hans Diego Kenji Peter George Arlo Otto"
).split()
PETS = (
    "Pip Dot Biscuit Button Pepper Clover Hazel Bramble Rusty Nutmeg Pebble Tumble Whisk Maple Fern Bean Poppy "
    "Socks Berry Moss Patch Ginger Acorn Sunny Pickle Muffin Thistle Twig Cocoa Ziggy Bumble Snowy Dusty Willow "
    "Honey Marble Jolly Olive Plum Cricket"
).split()

# kind: home, ways to go, hands, feet, what it says
CREATURES = {
    "fox": ("den", "trotted ran walked", "paws", "paws"),
    "rabbit": ("burrow", "hopped ran hurried", "paws", "paws"),
    "bear": ("cave", "walked shuffled ran", "paws", "paws"),
    "mouse": ("hole", "ran scurried hurried", "paws", "paws"),
    "squirrel": ("tree", "ran hurried scurried", "paws", "paws"),
    "hedgehog": ("nest", "walked shuffled hurried", "paws", "paws"),
    "cat": ("house", "walked ran crept", "paws", "paws"),
    "dog": ("house", "ran trotted walked", "paws", "paws"),
    "puppy": ("house", "ran trotted hurried", "paws", "paws"),
    "kitten": ("house", "ran crept hurried", "paws", "paws"),
    "duck": ("nest", "walked waddled hurried", "wings", "feet"),
    "owl": ("tree", "flew hopped hurried", "wings", "claws"),
    "bird": ("nest", "flew hopped hurried", "wings", "claws"),
    "frog": ("pond", "hopped jumped hurried", "hands", "feet"),
    "turtle": ("pond", "walked crawled", "feet", "feet"),
    "pig": ("barn", "trotted ran walked", "hooves", "hooves"),
    "lamb": ("barn", "trotted ran skipped", "hooves", "hooves"),
    "goat": ("barn", "trotted ran walked", "hooves", "hooves"),
    "pony": ("barn", "trotted ran walked", "hooves", "hooves"),
    "badger": ("den", "walked ran hurried", "paws", "paws"),
    "beaver": ("lodge", "walked hurried", "paws", "paws"),
    "otter": ("den", "ran hurried walked", "paws", "paws"),
    "elephant": ("home", "walked ran marched", "trunk", "feet"),
    "lion": ("cave", "walked ran crept", "paws", "paws"),
    "monkey": ("tree", "ran climbed hurried", "hands", "feet"),
    "penguin": ("home", "waddled walked hurried", "wings", "feet"),
    "mole": ("tunnel", "walked crawled hurried", "paws", "paws"),
    "robot": ("workshop", "walked rolled marched", "metal hands", "metal feet"),
    "dragon": ("cave", "flew walked ran", "claws", "claws"),
    "fairy": ("cottage", "flew danced hurried", "hands", "feet"),
    "wizard": ("tower", "walked hurried marched", "hands", "feet"),
    "giant": ("castle", "walked marched ran", "big hands", "big feet"),
}
#: Many more of whom the stories know less: a home, ways to go, hands and feet for each group.
OTHERS = (
    (("house", "walked ran hurried", "hands", "feet"),
     "baker farmer sailor tailor painter doctor teacher fisherman postman gardener singer dancer cook clown"),
    (("castle", "walked ran rode", "hands", "feet"), "king queen prince princess knight"),
    (("cottage", "walked hurried crept", "hands", "feet"), "witch elf troll ghost pirate gnome mermaid astronaut"),
    (("home", "walked ran trotted", "feet", "feet"),
     "tiger zebra giraffe camel panda koala kangaroo unicorn dinosaur crocodile rhino hippo wolf deer moose "
     "raccoon bat llama leopard"),
    (("barn", "walked ran hurried", "feet", "feet"),
     "cow sheep horse donkey hen rooster goose turkey bull calf chick"),
    (("nest", "flew hopped hurried", "wings", "claws"), "crow parrot swan robin eagle pigeon seagull peacock"),
    (("garden", "crawled hurried walked", "feet", "feet"),
     "snail bee ant spider beetle ladybug caterpillar worm crab lizard"),
    (("box", "rolled walked marched", "hands", "feet"),
     "teddy_bear toy_soldier rag_doll wooden_puppet snowman scarecrow"),
)
for _traits, _kinds in OTHERS:
    for _kind in _kinds.split():
        CREATURES[_kind.replace("_", " ")] = _traits
GENDERS = dict.fromkeys("king prince rooster bull fisherman postman snowman wizard".split(), "he")
GENDERS |= dict.fromkeys("queen princess witch mermaid cow hen fairy".split(), "she")

TRAITS = (
    "kind", "brave", "shy", "curious", "cheerful", "clever", "quiet", "busy", "gentle", "proud", "funny", "careful",
    "sleepy", "happy", "sad", "lonely", "grumpy", "polite", "lazy", "wise", "silly", "hungry", "lively", "patient",
    "stubborn", "playful", "clumsy", "friendly", "thoughtful",
)
SIZES = ("little", "small", "young", "tiny", "little", "")
HOBBIES = (
    "climb trees", "draw pictures", "sing songs", "look at the clouds", "collect stones", "count the stars",
    "play in the mud", "read books", "build towers", "chase butterflies", "dance in the rain", "tell jokes",
    "pick flowers", "splash in puddles", "roll down hills", "listen to stories", "make up games", "play the drum",
    "look for bugs", "watch the birds", "paint with bright colors", "help in the kitchen", "run very fast",
    "hide in the tall grass", "ride on the swing", "eat pancakes", "drink hot cocoa", "sleep late", "ask questions",
    "play chess", "fly kites", "learn new words", "make paper boats", "plant flowers", "wear funny hats",
    "bake cookies", "swim in the lake", "write letters", "fix broken things", "look at the moon", "tell stories",
    "swing from trees", "play hide and seek", "collect shells", "eat cheese", "dream of the sea",
    "walk in the snow",
)

# place: how one is there, what is seen there, how one is sheltered there
PLACES = {
    "the park": ("in", "a big tree|a green bench|a stone fountain|a row of swings", "under the bandstand"),
    "the forest": ("in", "a hollow log|a mossy rock|an old oak|a patch of ferns", "inside a hollow tree"),
    "the beach": ("at", "a pile of shells|a sand castle|an old boat|a smooth rock", "under an old boat"),
    "the meadow": ("in", "a bed of daisies|a stone wall|a wooden gate|the tall grass", "behind a stone wall"),
    "the garden": ("in", "a rose bush|a watering can|a wooden shed|a berry bush", "inside the wooden shed"),
    "the river": ("by", "a wooden bridge|a flat stone|a fallen tree|the tall reeds", "under the wooden bridge"),
    "the pond": ("by", "a lily pad|the tall reeds|a muddy bank|a gray stone", "under a leaning willow"),
    "the hill": ("on", "a lonely pine|a big rock|a little path|a berry bush", "under a big rock"),
    "the farm": ("on", "a stack of hay|a red barn|a wooden fence|a water pump", "inside the red barn"),
    "the village square": ("in", "a stone well|a flower cart|a wooden bench|a tall clock", 
                           "under the roof of the market"),
    "the orchard": ("in", "an apple tree|a wooden ladder|a big basket|a stone wall", "inside a little hut"),
    "the lake": ("at", "a wooden dock|a row boat|a big rock|the tall reeds", "inside the boat house"),
}

COLORS = ("red", "blue", "green", "yellow", "purple", "orange", "golden", "silver", "pink", "white", "brown", "black")
TOYS = (
    "ball", "kite", "doll", "drum", "wooden boat", "toy train", "teddy bear", "hat", "scarf", "ring", "key",
    "whistle", "spinning top", "toy car", "marble", "ribbon", "lantern", "bell", "flute", "feather", "button",
    "necklace", "picture book", "wooden horse", "balloon", "umbrella", "mitten", "blanket", "paintbrush",
    "music box", "shoe", "cup", "coin", "shell", "map", "watch", "crown", "pencil", "basket", "stone", "bag",
    "boot", "bracelet", "candle", "rope", "spoon", "toy robot", "paper plane", "guitar", "sled", "puzzle", "globe",
    "bow", "cap", "glove", "locket",
)
FOODS = (
    "apple", "cookie", "slice of bread", "pear", "muffin", "pancake", "carrot", "sandwich", "plum", "honey cake",
    "peach", "bun", "piece of cheese", "bowl of soup", "orange", "pie", "cupcake", "banana", "bag of nuts",
    "jar of jam", "bowl of berries", "waffle", "doughnut", "lemon tart", "piece of chocolate", "pizza",
)
SEEDS = ("sunflower", "pumpkin", "bean", "carrot", "tomato", "melon", "rose", "tulip", "apple", "strawberry")
SKILLS = (
    ("ride a bike", "riding a bike", "fell off"), ("swim", "swimming", "sank like a stone"),
    ("whistle", "whistling", "made only a puff of air"), ("skate", "skating", "fell down on the ice"),
    ("fly a kite", "flying a kite", "watched the kite crash"), ("juggle", "juggling", "dropped everything"),
    ("bake bread", "baking bread", "burned the bread"), ("tie a knot", "tying a knot", "got all tangled up"),
    ("play the flute", "playing the flute", "made an awful squeak"), 
    ("climb a rope", "climbing a rope", "slid back down"),
    ("jump over the stream", "jumping over the stream", "landed in the water"),
    ("catch a ball", "catching a ball", "missed it"), ("paint a tree", "painting a tree", "made a big mess"),
    ("dance", "dancing", "tripped and fell"), ("row a boat", "rowing a boat", "went around in circles"),
    ("write a letter", "writing a letter", "broke the pencil"),
)
SUNNY = ("sunny", "bright", "warm", "clear", "golden", "fresh", "breezy")
GRAY = ("cloudy", "gray", "cold", "foggy", "windy", "chilly", "quiet")
TIMES = ("morning", "afternoon", "day")
SEASONS = ("spring", "summer", "autumn", "winter")
GOOD_MOODS = ("happy", "glad", "cheerful", "joyful", "delighted", "merry")
SAD_MOODS = ("sad", "upset", "unhappy", "gloomy", "sad")
SCARED_MOODS = ("scared", "afraid", "frightened", "nervous", "worried")
LOOKS = (
    "a soft voice", "bright eyes", "a warm smile", "a green hat", "muddy boots", "a red scarf", "a loud laugh",
    "round glasses", "a blue coat", "a big nose", "a funny walk",
)
FURRY_LOOKS = ("long ears", "a long tail", "soft fur", "white whiskers")
DETAILS = (
    "A {butterfly|bee|leaf|feather} {landed|came down} on [his] {nose|head}.",
    "{A bird|Two birds|A frog} sang {near|by} [thespot1].",
    "The {air|wind} smelled of {flowers|rain|grass|fresh bread}.",
    "[He] {hummed|whistled} a {little|happy|silly} {song|tune} on the way.",
    "{Far away, a|A} {dog|bell|cow} could be heard.",
    "The {sky|grass|water} {was|looked} as {bright|soft|clear} as {glass|silk|a dream}.",
    "There was {no one else|hardly anyone} there.",
    "[He] had {an apple|a bun|some nuts|a sandwich} in [his] {bag|pocket|basket}.",
    "{Leaves|Petals} {danced|flew|turned} in the {air|wind}.",
    "[He] was in {a good mood|no hurry|a hurry}.",
    "[He] {counted|said hello to} {seven|five|three|two} {ants|snails|ducks|bees} on the way.",
    "The {sun|moon|sky} {looked|seemed} {friendly|sleepy|very far away}.",
    "[His] {feet|steps} {were|felt} {light|quick}.",
)
ONSETS = "b br c ch d dr f fl g gl h j k kl l m n p ph pl qu r s sh st t th tr v w y z".split()
VOWELS = "a e i o u a e i o ee oo y ai".split()
MIDDLES = "b d f g k l ll m mp n nn p r rk rn s sp st t tr tt v w x z ck nd nk rt lb ff th gg dr".split()
ENDINGS = (
    "a o i y ie us is an en in on el er ert by ton ella ina aldo bert ling rick ark ix ox ump ock unk ash ade eed oot "
    "ain ell imp up ob ig az"
).split()
