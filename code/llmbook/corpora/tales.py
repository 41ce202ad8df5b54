"""Tales: a small language whose every probability is known.

A story introduces two or three people with their clans and belongings, lets belongings change
hands, the company walk on and animals cry and act, and closes with a roll call of who kept
what. ``llmbook.corpora.source`` says how a story is at once its own sampler and scorer.

The default ``Parameters`` are frozen: models were trained on them, so any change makes a new
language (give ``Tales`` other parameters instead).

    >>> story = sample(seed=0, n=1)[0]          # a list of words
    >>> sum(logprob for logprob, tag in score(story))   # ln p(story), exact

Tags: ``grammar`` (one word is possible), ``open`` (a choice among what the story has),
``recall`` (a fact told in the opening: a clan, an owner who never changed), ``tracking`` (an
owner who did change), ``place`` (where the company is now), ``agreement`` (a verb beside its
noun), ``nesting`` (a verb parted from its noun by a clause), ``counting`` (how often a cry is
repeated, and that it ends).
"""

import math
from dataclasses import dataclass, field

from llmbook.corpora.source import END, Source, Step, Story, say, uniform

ANIMALS = {"cat": "meow", "dog": "woof", "owl": "hoo", "frog": "croak", "duck": "quack"}
NOUNS = (*ANIMALS, *(animal + "s" for animal in ANIMALS))
TRANSITIVE = ("hear", "fear", "like")
INTRANSITIVE = ("sing", "sleep", "dance")
NUMBERS = ("one", "two", "three", "four", "five", "six", "seven")
SMALL = ("once", "by", "the", "lived", "with", "and", ".", ",", "took", "had", "gave", "they")
SMALL += ("walked", "to", "cried", "that", "so", "kept")


@dataclass(frozen=True)
class Parameters:
    """What a source draws from. The weights of events need not sum to one."""

    names: tuple[str, ...] = ("mara", "tobin", "ines", "oleg", "suri", "pavel", "wanda", "yusuf")
    clans: tuple[str, ...] = ("fox", "heron", "otter", "badger", "lynx", "raven", "hare", "stag")
    objects: tuple[str, ...] = ("lamp", "drum", "rope", "bell", "kite", "sword", "crown", "flute")
    places: tuple[str, ...] = ("mill", "river", "bridge", "tower", "well", "forge", "inn", "ford")
    people: dict[int, float] = field(default_factory=lambda: {2: 0.5, 3: 0.5})  # in a story
    events: tuple[int, int] = (1, 7)  # fewest and most events between opening and roll call
    stop: float = 0.18  # the chance that the roll call comes next, once it may
    trade: float = 0.5  # weights of the four events: an object changes hands,
    walk: float = 0.12  # the company walks on,
    cry: float = 0.2  # animals cry, so many times,
    scene: float = 0.22  # animals act on one another in nested clauses
    nest: float = 0.45  # the chance of one more clause inside
    depth: int = 3  # the most clauses inside one another
    most: int = 5  # the largest number that is counted

    def __post_init__(self):
        pools = (self.names, self.clans, self.objects, self.places, SMALL, NUMBERS)
        words = [word for pool in pools for word in pool]
        if len(words) != len(set(words)):
            twice = sorted({word for word in words if words.count(word) > 1})
            raise ValueError(f"a word may stand in one role only; {twice} stand in two")
        if not math.isclose(sum(self.people.values()), 1) or min(self.people) < 2:
            raise ValueError(f"people must be a law over 2, 3, …; got {self.people}")
        fewest = min(len(self.names), len(self.clans), len(self.objects))
        if max(self.people) > fewest or len(self.places) < 2 or not 2 <= self.most <= 7:
            raise ValueError("too few names, clans, objects or places, or most not in 2 to 7")

    @property
    def numbers(self) -> tuple[str, ...]:
        return NUMBERS[1 : self.most]


def inflect(verb: str, plural: bool) -> str:
    return verb if plural else verb + "s"


class Tales(Source):
    """A source of stories with known probabilities.

    Args:
        parameters: the words and chances; the default is the language of the book.
    """

    def __init__(self, parameters: Parameters | None = None):
        self.parameters = parameters or Parameters()

    @property
    def words(self) -> list[str]:
        """The vocabulary: the end of a story first, then every word in alphabetical order."""
        p = self.parameters
        verbs = [inflect(v, plural) for v in TRANSITIVE + INTRANSITIVE for plural in (True, False)]
        own = (*p.names, *p.clans, *p.objects, *p.places, *p.numbers)
        return [END, *sorted({*own, *verbs, *NOUNS, *ANIMALS.values(), *SMALL})]

    def story(self) -> Story:
        """One whole story: opening, events, roll call, end."""
        p = self.parameters
        clan: dict[str, str] = {}  # person -> clan
        owner: dict[str, str] = {}  # object -> person
        moved: set[str] = set()  # the objects that have changed hands
        place = yield from self.opening(clan, owner)
        for count in range(p.events[1] + 1):
            stop = 0.0 if count < p.events[0] else p.stop if count < p.events[1] else 1.0
            first = {"they": p.walk, "by": p.cry, "the": p.scene}
            first |= {name: p.trade / len(clan) for name in clan}
            scale = (1 - stop) / sum(first.values())
            law = {word: weight * scale for word, weight in first.items() if weight and scale}
            if stop:
                law["so"] = stop
            word = yield Step(law, "open")
            if word == "so":
                break
            if word == "they":
                yield from say("walked", "to", "the")
                place = yield Step(uniform(q for q in p.places if q != place), "place")
            elif word == "by":
                yield from self.cry(place)
            elif word == "the":
                yield from self.scene(0)
            else:
                yield from self.trade(word, clan, owner, moved)
            yield Step({".": 1.0}, "counting" if word == "by" else "grammar")
        for number, item in enumerate(owner):
            yield from say(*(("and", "the") if number else ("the",)))
            yield Step({item: 1.0}, "recall")
            yield Step({owner[item]: 1.0}, "tracking" if item in moved else "recall")
            yield Step({clan[owner[item]]: 1.0}, "recall")
            yield from say("kept")
        return (yield from say(".", END))

    def opening(self, clan: dict[str, str], owner: dict[str, str]) -> Story:
        """once by the mill lived mara fox with the lamp and tobin heron with the drum ."""
        p = self.parameters
        yield from say("once", "by", "the")
        place = yield Step(uniform(p.places), "open")
        yield from say("lived")
        word = "and"
        while word == "and":
            name = yield Step(uniform(n for n in p.names if n not in clan), "open")
            clan[name] = yield Step(uniform(c for c in p.clans if c not in clan.values()), "open")
            yield from say("with", "the")
            item = yield Step(uniform(o for o in p.objects if o not in owner), "open")
            owner[item] = name
            # The chance that the company is complete, given that it has grown this far.
            reached = sum(chance for number, chance in p.people.items() if number >= len(clan))
            last = p.people.get(len(clan), 0.0) / reached
            law = {w: chance for w, chance in ((".", last), ("and", 1 - last)) if chance > 0}
            word = yield Step(law, "open" if len(law) > 1 else "grammar")
        return place

    def trade(self, name: str, clan: dict, owner: dict, moved: set) -> Story:
        """mara gave tobin the lamp | tobin took the lamp mara had"""
        mine = [item for item, person in owner.items() if person == name]
        others = [item for item in owner if item not in mine]
        tag = "tracking" if moved else "recall"
        law = uniform([verb for verb, items in (("gave", mine), ("took", others)) if items])
        verb = yield Step(law, tag)
        if verb == "gave":
            to = yield Step(uniform(person for person in clan if person != name), "open")
            yield from say("the")
            item = yield Step(uniform(mine), tag)
        else:
            to = name
            yield from say("the")
            item = yield Step(uniform(others), tag)
            yield Step({owner[item]: 1.0}, "tracking" if item in moved else "recall")
            yield from say("had")
        owner[item] = to
        moved.add(item)
        return item

    def cry(self, place: str) -> Story:
        """by the mill three owls cried , hoo hoo hoo"""
        yield from say("the")
        yield Step({place: 1.0}, "place")
        number = yield Step(uniform(self.parameters.numbers), "open")
        animal = yield Step(uniform(a + "s" for a in ANIMALS), "open")
        yield from say("cried", ",")
        sound = ANIMALS[animal[:-1]]
        for _ in range(NUMBERS.index(number) + 1):
            yield Step({sound: 1.0}, "counting")
        return sound

    def scene(self, depth: int) -> Story:
        """the cats that the dog that the owls fear likes sing"""
        p = self.parameters
        noun = yield Step(uniform(NOUNS), "open")
        plural = noun not in ANIMALS
        verbs = uniform(inflect(v, plural) for v in (TRANSITIVE if depth else INTRANSITIVE))
        nest = p.nest if depth < p.depth else 0.0
        law = {verb: q * (1 - nest) for verb, q in verbs.items()} | ({"that": nest} if nest else {})
        word = yield Step(law, "agreement")
        if word != "that":
            return word
        yield from say("the")
        yield from self.scene(depth + 1)
        return (yield Step(verbs, "nesting"))


DEFAULT = Tales()
WORDS = DEFAULT.words
sample, laws, score, floor = DEFAULT.sample, DEFAULT.laws, DEFAULT.score, DEFAULT.floor
posterior = DEFAULT.posterior


def splits(
    train: int = 20_000, valid: int = 500, test: int = 1_000, seed: int = 0, source: Tales = DEFAULT
) -> dict[str, list[list[str]]]:
    """Train, valid and test stories; none of the last two is also among those before it."""
    drawn, seen = {}, set()
    for part, (name, n) in enumerate((("train", train), ("valid", valid), ("test", test))):
        stories = source.sample(seed=10 * seed + part, n=n)
        drawn[name] = stories if name == "train" else [s for s in stories if tuple(s) not in seen]
        seen |= set(map(tuple, stories))
    return drawn
