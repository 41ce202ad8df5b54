"""Reviews made by a program, each with its label and the phenomenon that carries it.

    >>> sample(seed=0, n=1)[0].text
    'It is the blue one. The sound was useless. The garden was unpleasant.'

Data card
    What: short English reviews, positive or negative, of five phenomena. plain: the words mean
    what they say. negation: a negation turns them, or seems to. contrast: two opposite opinions,
    and the sentence's form says which decides. intensity: two opposite opinions, the stronger
    decides. irony: praise or complaint in the words, the opposite (or not) in the facts.
    How made: by the frames below, from `random.Random(seed)`; labels follow from the frame. In
    every phenomenon half are positive. `llmbook.corpora.reviews_rule` reads the labels off the
    text by other means, and a test holds the two together.
    Size: any; 3,000 to learn from by default.
    Licence: CC BY 4.0.
    Known limits: a few dozen words and frames, where people have all the language; nothing
    neutral; opinions fit their things loosely ("the menu is useful"). Whoever learns these
    reviews has learned how opinions combine *here*; `by_hand` says how little else.

Held-out compositions: a pair of a word (or fact) and what is done with it, such as ("ugly",
"negated"). A fifth of all pairs, chosen by a hash, never comes in training, though each word and
each construction does. The split "compositions" has nothing but reviews with such a pair.
"""

import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

from llmbook.corpora.reviews_by_hand import ROWS

LABELS = ("negative", "positive")  # a label's place is its number
GOOD = (
    "good", "pleasant", "nice", "lovely", "useful", "clever", "charming", "comfortable",
    "impressive", "friendly", "elegant", "enjoyable", "solid", "inviting",
)  # fmt: skip
BAD = (
    "bad", "poor", "boring", "ugly", "annoying", "disappointing", "useless", "unpleasant",
    "confusing", "dull", "clumsy", "flimsy", "shabby", "tedious",
)  # fmt: skip
THINGS = (
    "design", "sound", "colour", "screen", "cover", "service", "menu", "music", "handle", "story",
    "lighting", "packaging", "keyboard", "garden", "view", "manual", "room", "food",
)  # fmt: skip
GOOD_FACTS = (
    "it still works after {n} years", "it came {n} days early", "they replaced it in {n} hours",
    "somebody answered within {n} minutes", "we went back {n} times", "I have bought {n} more",
    "the refund came after {n} hours", "my children ask for it {n} times a day",
)  # fmt: skip
BAD_FACTS = (
    "it broke after {n} days", "it came {n} weeks late", "they refused to replace it {n} times",
    "nobody answered for {n} hours", "we left after {n} minutes", "I sent it back after {n} days",
    "the refund never came in {n} months", "{n} parts were missing",
)  # fmt: skip
WISHES = (  # complaints that are praise
    "I did not find it {n} years sooner", "there were only {n} of them", "I bought only {n}",
    "it had to end after {n} hours", "I waited {n} months to try it", "I cannot give it {n} stars",
)  # fmt: skip
NUMBERS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "twelve")
FILLERS = (
    "I bought it in March.", "It was a present for my sister.", "We were there on a Tuesday.",
    "It is the blue one.", "My brother told me about it.", "I ordered it from my phone.",
    "There were four of us.", "This is my second review.", "I live nearby.", "It came by post.",
)  # fmt: skip
WEAKLY = ("slightly", "somewhat", "a little", "fairly")
STRONGLY = ("extremely", "absolutely", "incredibly", "utterly")
TURNED = (  # frames in which the word means its opposite
    "the {a} is not {w}", "the {a} is anything but {w}", "I would not call the {a} {w}",
    "there is nothing {w} about the {a}", "the {a} was never {w}",
    "it is not true that the {a} is {w}",
)  # fmt: skip
UNTURNED = (  # frames with a negation that turns nothing, or two that cancel
    "I am not joking, the {a} is {w}", "I have never seen a {a} so {w}",
    "no doubt, the {a} is {w}", "nobody can say that the {a} is not {w}",
)  # fmt: skip
CONTRASTS = (  # {A} is conceded, {B} decides
    "{A}, but {B}.", "{A}, yet {B}.", "{A}. However, {B}.", "{A}. Still, {B}.",
    "although {A}, {B}.", "{B}, although {A}.", "while {A}, {B}.", "{B}, even if {A}.",
)  # fmt: skip
PRAISE = (
    "great, {f}.", "I love how {f}.", "wonderful, {f}.", "congratulations, {f}.", "brilliant, {f}."
)  # fmt: skip
BLAME = (
    "my complaint is that {f}.", "I hate that {f}.", "how annoying that {f}.",
    "what a shame that {f}.", "the problem is that {f}.",
)  # fmt: skip
USES = (
    "plain", "negated", "not negated", "conceded", "decides", "weak", "strong", "praised", "blamed"
)  # fmt: skip

Pair = tuple[str, str]  # a word or fact, and what is done with it


class Review(NamedTuple):
    """A text with what is known about it."""

    text: str
    label: str  # of LABELS
    phenomenon: str
    core: str  # the text without its neutral sentences
    pairs: tuple[Pair, ...]  # what the text composes


def is_held_out(pair: Pair) -> bool:
    """Whether a composition never comes in training. Plain use is always seen."""
    word, use = pair
    if use == "plain":
        return False
    words = next(list_ for list_ in (GOOD, BAD, GOOD_FACTS, BAD_FACTS) if word in list_)
    return (words.index(word) + USES.index(use)) % 5 == 0


class _Draw:
    """One review in the making: the dice and the pairs so far."""

    def __init__(self, dice: random.Random):
        self.dice, self.pairs = dice, []
        self.things = dice.sample(THINGS, 3)

    def word(self, sign: int, use: str) -> str:
        word = self.dice.choice(GOOD if sign > 0 else BAD)
        self.pairs.append((word, use))
        return word

    def fact(self, sign: int, use: str) -> str:
        fact = self.dice.choice(GOOD_FACTS if sign > 0 else BAD_FACTS)
        self.pairs.append((fact, use))
        return self.count(fact)

    def count(self, fact: str) -> str:
        return fact.format(n=self.dice.choice(NUMBERS))

    def clause(self, sign: int, use: str, degree: str = "") -> str:
        """An opinion of one thing, or (without a degree) one time in four a fact."""
        if not degree and self.dice.random() < 0.25:
            return self.fact(sign, use)
        frame = self.dice.choice(("the {a} is {w}", "the {a} was {w}", "I found the {a} {w}"))
        word = f"{degree} {self.word(sign, use)}".strip()
        return frame.format(a=self.things.pop(), w=word)


def _plain(draw: _Draw, sign: int) -> str:
    join = draw.dice.choice(("{} and {}.", "{}. {}."))
    return join.format(draw.clause(sign, "plain"), draw.clause(sign, "plain"))


def _negation(draw: _Draw, sign: int) -> str:
    turned = draw.dice.random() < 0.6
    frame = draw.dice.choice(TURNED if turned else UNTURNED)
    use = "negated" if turned else "not negated"
    word = draw.word(-sign if turned else sign, use)
    return frame.format(a=draw.things.pop(), w=word) + "."


def _contrast(draw: _Draw, sign: int) -> str:
    frame = draw.dice.choice(CONTRASTS)
    return frame.format(A=draw.clause(-sign, "conceded"), B=draw.clause(sign, "decides"))


def _intensity(draw: _Draw, sign: int) -> str:
    both = [
        draw.clause(-sign, "weak", draw.dice.choice(WEAKLY)),
        draw.clause(sign, "strong", draw.dice.choice(STRONGLY)),
    ]
    draw.dice.shuffle(both)
    return draw.dice.choice(("{} and {}.", "{}. {}.")).format(*both)


def _irony(draw: _Draw, sign: int) -> str:
    """Frames of praise and of blame come with both labels: the frame alone says nothing."""
    if draw.dice.random() < 0.5:
        return draw.dice.choice(PRAISE).format(f=draw.fact(sign, "praised"))
    if sign > 0:
        wish = draw.dice.choice(WISHES)
        draw.pairs.append((wish, "plain"))  # it comes in no other construction
        fact = draw.count(wish)
    else:
        fact = draw.fact(sign, "blamed")
    return draw.dice.choice(BLAME).format(f=fact)


PHENOMENA: dict[str, Callable[[_Draw, int], str]] = {
    "plain": _plain,
    "negation": _negation,
    "contrast": _contrast,
    "intensity": _intensity,
    "irony": _irony,
}


def _review(dice: random.Random, number: int, phenomena: Sequence[str]) -> Review:
    """One review; its number sets phenomenon and label, so that all are equally frequent."""
    phenomenon = phenomena[number // 2 % len(phenomena)]
    draw, label = _Draw(dice), LABELS[number % 2]
    core = PHENOMENA[phenomenon](draw, 1 if label == "positive" else -1)
    core = ". ".join(s[:1].upper() + s[1:] for s in core.split(". "))
    before, after = (dice.choice(FILLERS) if dice.random() < 0.4 else "" for _ in range(2))
    text = " ".join(filter(None, (before, core, after if after != before else "")))
    return Review(text, label, phenomenon, core, tuple(draw.pairs))


def sample(seed: int, n: int) -> list[Review]:
    """Draw ``n`` reviews with all compositions; a longer draw begins alike."""
    dice = random.Random(seed)
    return [_review(dice, number, tuple(PHENOMENA)) for number in range(n)]


def splits(
    train: int = 3000, valid: int = 300, test: int = 1000, compositions: int = 1000, seed: int = 0
) -> dict[str, list[Review]]:
    """Reviews to learn from, to choose by and to test on, balanced by phenomenon and label.

    "train", "valid" and "test" hold no held-out pair, "compositions" holds one in every review.
    No core comes in two splits. ValueError when the frames do not yield so many different ones.
    """
    dice, seen, parts = random.Random(seed), set(), {}
    sizes = {"compositions": compositions, "test": test, "valid": valid, "train": train}
    for name, size in sizes.items():  # the tests first: no other is empty of what they hold
        composed = name == "compositions"
        phenomena = [p for p in PHENOMENA if not composed or p != "plain"]  # plain composes nothing
        rows, cores = [], set()
        for number in range(size):
            for _ in range(2000):
                review = _review(dice, number, phenomena)
                held = any(map(is_held_out, review.pairs))
                if held == composed and review.core not in seen:
                    break
            else:
                raise ValueError(f"{name} has no {number + 1} different reviews; ask for fewer")
            rows.append(review)
            cores.add(review.core)
        seen |= cores
        parts[name] = rows
    return {name: parts[name] for name in ("train", "valid", "test", "compositions")}


def by_hand() -> list[Review]:
    """The hundred reviews of `llmbook.corpora.reviews_by_hand`, in the same form."""
    return [
        Review(text, label, phenomenon, text, ())
        for phenomenon, labelled in ROWS.items()
        for label, texts in labelled.items()
        for text in texts
    ]
