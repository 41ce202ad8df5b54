"""Nine changes of Tales whose every probability stays known, and a reader who knows only Tales.

    >>> shift = SHIFTS["exchange"]
    >>> stories = shift.source.sample(seed=0, n=2)
    >>> shift.source.floor(stories).nats          # what the new language itself loses
    >>> READER.laws_along(stories[0])[-1]         # what one who knows only Tales expects last

Each change is a source like `tales.Tales`: the same sampler, laws, scores and floor. The
*faithful reader* `READER` follows any story of them by the rules of the old language and never
stops at a word that these rules forbid: it takes the word where it stands and goes on (a new
name becomes a name, a fourth clause is read like a third). So the old law is known after
strange words, too. On stories of Tales it is Tales.

**Data card.** *What*: made-up stories, as those of Tales, from nine changed sources: other
proportions (favourites, bustle), known words in other roles (swapped, reversed), new words
(newcomers), larger sizes (longer, crowd, deeper), a new event (exchange). *How made*: drawn from
the sources below by seed; `stories` gives parts that share no story. *Size*: without end; the
chapter takes 300 stories of each for testing. *Licence*: CC BY 4.0. *Known limits*: each changes
one thing, real shifts change many at once; all words are those of one small language.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from llmbook.corpora.source import END, Law, Source, Step, Story, say, uniform
from llmbook.corpora.tales import (
    INTRANSITIVE,
    NOUNS,
    TRANSITIVE,
    Parameters,
    Tales,
    inflect,
)

OLD = Parameters()
NEWCOMERS = ("anton", "bela", "clio", "dario", "edda", "fritz", "gala", "hugo")
SEEDS = {"adapt": 201, "valid": 202, "test": 203}  # Tales itself was drawn with 0, 1 and 2


def rewritten(
    story: Story,
    change: Callable[[Step, list[str]], Step],
    back: Callable[[str], str] = lambda word: word,
) -> Story:
    """The coroutine ``story`` with each step changed, given the words so far, before it is shown.

    back: what the inner story is told in place of the word that came.
    """
    words: list[str] = []
    step = next(story)
    while True:
        word = yield change(step, words)
        words.append(word)
        try:
            step = story.send(back(word))
        except StopIteration as end:
            return end.value


class Favourites(Tales):
    """Some names and places come more often: each half as often as the one before it."""

    def story(self) -> Story:
        p = self.parameters
        pools = [{word: 0.5**i for i, word in enumerate(pool)} for pool in (p.names, p.places)]

        def change(step: Step, words: list[str]) -> Step:
            law = dict(step.law)
            for weights in pools:
                inside = [word for word in law if word in weights]
                mass, total = sum(law[w] for w in inside), sum(weights[w] for w in inside)
                law |= {word: mass * weights[word] / total for word in inside}
            return Step(law, step.tag)

        return rewritten(super().story(), change)


class Relabelled(Tales):
    """Tales after a word-for-word exchange: as hard as Tales itself, to the last digit.

    pairs: words that change places with one another, wherever they stand.
    """

    def __init__(self, pairs: Mapping[str, str]):
        super().__init__()
        self.to = {**pairs, **{b: a for a, b in pairs.items()}}
        if len(self.to) != 2 * len(pairs):
            raise ValueError("a word may change places with one other word only")

    def other(self, word: str) -> str:
        return self.to.get(word, word)

    def story(self) -> Story:
        def change(step: Step, words: list[str]) -> Step:
            return Step({self.other(word): chance for word, chance in step.law.items()}, step.tag)

        return rewritten(super().story(), change, self.other)


class Exchanges(Tales):
    """A gift may be answered: mara gave tobin the lamp and tobin gave mara the drum."""

    def trade(self, name: str, clan: dict, owner: dict, moved: set) -> Story:
        item = yield from super().trade(name, clan, owner, moved)
        to = owner[item]
        theirs = [other for other in owner if owner[other] == to and other != item]
        if to == name or not theirs:  # it was taken, or there is nothing to answer with
            return item
        word = yield Step({".": 0.5, "and": 0.5}, "exchange")
        if word == "and":
            yield Step({to: 1.0}, "exchange")
            yield from say("gave")
            yield Step({name: 1.0}, "exchange")
            yield from say("the")
            answer = yield Step(uniform(theirs), "tracking")
            owner[answer] = name
            moved.add(answer)
        return word

    def story(self) -> Story:
        """Tales' own story closes every event by a full stop; one that was said is enough."""
        inner = super().story()
        step = next(inner)
        while True:
            word = yield step
            said = word == "." and step.tag == "exchange"
            step = inner.send(word)
            if said:
                step = inner.send(".")


class Reader(Tales):
    """Tales as one hears it who takes every word as it comes: see the top of the module."""

    def __init__(self):
        rare = dict.fromkeys(range(4, 9), 1e-12)  # so that a larger company can be heard
        people = {2: 0.5, 3: 0.5 - sum(rare.values()), **rare}
        super().__init__(Parameters(people=people, events=(OLD.events[0], 1_000)))

    def story(self) -> Story:
        def change(step: Step, words: list[str]) -> Step:
            if "they" in step.law and words.count(".") > OLD.events[1]:
                return Step({"so": 1.0}, step.tag)  # the old law knows no longer story
            return Step({w: p for w, p in step.law.items() if p > 1e-9}, step.tag)

        return rewritten(super().story(), change)

    def laws_along(self, words: Sequence[str]) -> list[Law]:
        """The old language's law at each place of any story of a shift, and at its end."""
        story = self.story()
        laws = [next(story).law]
        laws += [story.send(word).law for word in words]
        return laws


class Scenes(Tales):
    """One scene a story, *the cats that the dog likes sing .*, to learn agreement from.

    same: all nouns of a scene are of one number, so that the nearest noun tells as much about
    the verb as the right one.
    """

    def __init__(self, same: bool = False):
        super().__init__(Parameters(nest=0.6))
        self.same = same

    def story(self) -> Story:
        def change(step: Step, words: list[str]) -> Step:
            if self.same and len(words) > 1 and step.law.keys() == set(NOUNS):
                plural = words[1].endswith("s")
                return Step(uniform(n for n in NOUNS if n.endswith("s") == plural), step.tag)
            return step

        return rewritten(self.one(), change)

    def one(self) -> Story:
        yield from say("the")
        yield from self.scene(0)
        return (yield from say(".", END))


@dataclass(frozen=True)
class Shift:
    """One changed language."""

    name: str
    kind: str  # proportions, roles, words, size, phenomenon
    about: str
    source: Source
    new_words: tuple[str, ...] = ()


def _verbs() -> dict[str, str]:
    return {inflect(v, True): inflect(v, False) for v in TRANSITIVE + INTRANSITIVE}


def _with(**changes) -> Tales:
    return Tales(Parameters(**changes))


HOME = Shift("home", "none", "Tales itself", Tales())
_ALL = (
    Shift("favourites", "proportions", "some names and places come more often", Favourites()),
    Shift(
        "bustle", "proportions", "other shares of the four kinds of event",
        _with(trade=0.1, walk=0.3, cry=0.4, scene=0.2),
    ),
    Shift(
        "swapped", "roles", "names and clans change places",
        Relabelled(dict(zip(OLD.names, OLD.clans, strict=True))),
    ),
    Shift("reversed", "roles", "the cat sing, the cats sings", Relabelled(_verbs())),
    Shift(
        "newcomers", "words", "eight names that were never heard", _with(names=NEWCOMERS), NEWCOMERS
    ),
    Shift("longer", "size", "8 to 13 events, not 1 to 7", _with(events=(8, 13))),
    Shift("crowd", "size", "four or five people, not two or three", _with(people={4: 0.5, 5: 0.5})),
    Shift("deeper", "size", "up to six clauses inside, not three", _with(depth=6, nest=0.75)),
    Shift("exchange", "phenomenon", "a gift may be answered by a gift", Exchanges()),
)  # fmt: skip
SHIFTS: dict[str, Shift] = {shift.name: shift for shift in _ALL}
READER = Reader()


def stories(shift: Shift, part: str, n: int) -> list[list[str]]:
    """``n`` stories for "adapt", "valid" or "test", none of them in an earlier of these parts.

    Raises ValueError for another part.
    """
    if part not in SEEDS:
        raise ValueError(f"part is {part!r}; expected one of {', '.join(SEEDS)}")
    earlier = list(SEEDS)[: list(SEEDS).index(part)]
    seen = {tuple(s) for p in earlier for s in shift.source.sample(SEEDS[p], 1_000)}
    drawn = shift.source.sample(SEEDS[part], n + 50)
    return [story for story in drawn if tuple(story) not in seen][:n]
