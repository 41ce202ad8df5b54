"""English sentences and their Chinese, generated from one meaning, with the true alignment.

    >>> pair = pairs(seed=0, n=1)[0]
    >>> pair.english, pair.chinese          # lists of words
    >>> pair.alignment                      # {(English place, Chinese place), …}

What: declarative sentences and yes-no questions about actions, things that are somewhere, and
qualities. The two languages differ as the real ones do. Chinese puts time, company and place
before the verb, in the opposite order, and relative clauses before the noun with 的; it counts
with measure words that the noun decides; it marks aspect by 了, 会 and 正在, never by a form of
the verb; it asks by 吗 and needs no "is" before a quality. English has agreement (plays, does not
play, has a/an, plurals) of which Chinese shows nothing. Some words have one English spelling and
several translations: play, wear, know, old, bank, bat.

How made: a random meaning (`sample`), then two independent ways to say it (`english`, `chinese`).
Words of the two that say the same part of the meaning are aligned. Seeded; the same pairs on
every machine. Size: as many as asked for; `splits` gives the book's own parts, its held-out
combinations apart. Words: `parallel_words`. A second rule, `parallel_parser`, reads Chinese back.

Licence: CC BY 4.0. Limits: no text of nature. One Chinese sentence per meaning, where people
would accept several (这本老师买的书 for 老师买的这本书); bare nouns for "the"; no context beyond
the sentence; both banks are "at" in English, so that the verb alone tells them apart; a bat that is
seen, liked or just there may be either, and the set says one of the two at random.
"""

import functools
import hashlib
import random
from dataclasses import dataclass, field, replace

from llmbook.corpora.parallel_hand import hand_written
from llmbook.corpora.parallel_meaning import Clause, Phrase
from llmbook.corpora.parallel_speech import chinese, english, tags
from llmbook.corpora.parallel_words import (
    ADJECTIVES,
    BANKS,
    LIVING,
    NAMES,
    NOUNS,
    NUMBERS,
    PLACES,
    POINTERS,
    PRONOUNS,
    QUALITIES,
    THINGS,
    TIMES,
    VERBS,
    expand,
)


@dataclass(frozen=True)
class Pair:
    """A sentence in both languages, and all that is known of it."""

    english: list[str]
    chinese: list[str]
    alignment: frozenset[tuple[int, int]]  # (place in english, place in chinese)
    meaning: Clause
    tags: frozenset[str] = field(default_factory=frozenset)  # the phenomena in it

    @property
    def text(self) -> tuple[str, str]:
        """Both as people write them: spaces in English, none in Chinese."""
        return " ".join(self.english), "".join(self.chinese)


# --- A meaning, drawn at random ---------------------------------------------------------------


def sample(dice: random.Random) -> Clause:
    """One random meaning."""
    at, question = dice.random(), dice.random() < 0.22
    form = "action" if at < 0.78 else "exists" if at < 0.88 else "quality"
    if form == "exists":
        place = dice.choice([p for p, (zh, _) in PLACES.items() if " " in zh])
        what = _phrase(dice, LIVING if dice.random() < 0.6 else THINGS, dets=list(NUMBERS))
        return Clause("exists", "be", what, question=question, place=place)
    if form == "quality":
        quality = dice.choice(list(QUALITIES))
        kinds, dets = list(expand(QUALITIES[quality][0])), ["the", "the", *POINTERS, *PRONOUNS]
        subject = _phrase(dice, kinds, dets, names=0.3, relative=0.25)
        negative = not question and dice.random() < 0.25
        very = not question and not negative and dice.random() < 0.4
        return Clause("quality", quality, subject, negative=negative, question=question, very=very)
    return _action(dice, question)


def _action(dice: random.Random, question: bool) -> Clause:
    verb = VERBS[dice.choice(_VERBS_BY_WEIGHT)]
    aspect = dice.choice(verb.aspects)
    subject = _phrase(dice, list(verb.subjects), names=0.5, relative=0.12,
                      dets=["the", "the", "a", "two", "this", "that", *PRONOUNS])  # fmt: skip
    what = _object(dice, verb, 0.14) if verb.objects else None
    if what and what.head == subject.head:
        what = Phrase("anna")  # nobody here likes himself
    negative = aspect != "n" and not question and dice.random() < 0.2
    times = [t for t, (*_, when) in TIMES.items() if when == aspect]
    stative = verb.name in ("like", "want", "know")
    time = dice.choice(times) if not stative and dice.random() < 0.55 else ""
    place, company = "", None
    if verb.name not in ("like", "want", "know", "wear", "see", "find", "drive", "fly", "visit"):
        places = [p for p in PLACES if p in (BANKS.get(verb.name), p.partition(".")[0])]
        place = dice.choice(places) if dice.random() < 0.45 else ""
        if BANKS.get(verb.name) and dice.random() < 0.35:
            place = BANKS[verb.name]
        if verb.subjects == ("person",) and dice.random() < 0.15:
            company = _phrase(dice, ["person"], dets=list(PRONOUNS), names=0.5)
            company = Phrase("tom") if company.head in (subject.head, "i", "we") else company
    first = bool(time) and not question and dice.random() < 0.3
    return Clause("action", verb.name, subject, what, aspect, negative, question, False, time,
                  first, place, company)  # fmt: skip


_VERBS_BY_WEIGHT = [v for v in VERBS for _ in range({"play": 5, "wear": 3, "know": 2}.get(v, 1))]


@functools.cache
def _nouns_of(kinds: tuple[str, ...]) -> list:
    return [noun for noun in NOUNS.values() if noun.kind in kinds]


def _object(dice: random.Random, verb, relative: float) -> Phrase:
    if verb.name == "play":  # football, but: the piano
        noun = dice.choice(_nouns_of(verb.objects))
        return Phrase(noun.name, "" if noun.many == "-" else "the")
    names = 0.45 if "person" in verb.objects else 0.0
    dets = ["the", "a", "a", "two", "three", "five", "this", "that", *PRONOUNS, ""]
    return _phrase(dice, list(verb.objects), dets=dets, names=names, relative=relative)


def _phrase(
    dice: random.Random,
    kinds: list[str],
    dets: list[str],
    names: float = 0.0,
    relative: float = 0.0,
) -> Phrase:
    """A random phrase of one of ``kinds``; ``names`` is the chance of a pronoun or a name."""
    if "person" in kinds and dice.random() < names:
        return Phrase(dice.choice([*PRONOUNS, *NAMES]))
    noun, det = dice.choice(_nouns_of(tuple(kinds))), dice.choice(dets)
    if det in PRONOUNS and noun.name in ("boy", "girl", "woman"):
        det = "the"
    if noun.kind in ("money", "fact"):
        return Phrase(noun.name, "the" if noun.kind == "fact" else "")
    if noun.many == "-" and det not in NUMBERS:
        det = ""
    adjective = ""
    if noun.many != "-" and dice.random() < 0.3:
        fitting = [a for a, (of, *_) in ADJECTIVES.items() if noun.kind in of.split()]
        adjective = dice.choice(fitting) if fitting else ""
    plural = (det in NUMBERS and det != "a") or (det == "" and noun.many != "-")
    plural = plural or (det == "the" and dice.random() < 0.25)
    clause = None
    if det and det not in PRONOUNS and noun.many != "-" and dice.random() < relative:
        clause = _relative(dice, noun)
    return Phrase(noun.name, det, plural, adjective, clause)


def _relative(dice: random.Random, noun) -> Clause | None:
    """who bought a hat | that the teacher bought: a clause that lacks this noun."""
    if noun.kind == "person" and dice.random() < 0.7:
        verb = VERBS[dice.choice([v for v in _VERBS_BY_WEIGHT if v != "fly"])]
        aspect = dice.choice([a for a in verb.aspects if a in "hp"])
        what = _object(dice, verb, 0) if verb.objects else None
        if what and what.head in PRONOUNS:  # 认识你的女孩 would also begin with "your girl"
            what = Phrase("peter")
        return Clause("action", verb.name, None, what, aspect)
    fitting = [v for v in VERBS.values() if noun.kind in v.objects and v.name != "know"]
    if not fitting:
        return None
    verb = dice.choice(fitting)
    subject = _phrase(dice, ["person"], dets=["the", *PRONOUNS], names=0.6)
    return Clause("action", verb.name, subject, None,
                  dice.choice([a for a in verb.aspects if a in "hp"]))  # fmt: skip


# --- Many meanings, and their parts -----------------------------------------------------------


def make(meaning: Clause) -> Pair:
    """The pair of sentences that say ``meaning``."""
    left, right = english(meaning), chinese(meaning)
    links = frozenset(
        (i, j)
        for i, (_, mine) in enumerate(left)
        for j, (_, theirs) in enumerate(right)
        if set(mine) & set(theirs)
    )
    return Pair([w for w, _ in left], [w for w, _ in right], links, meaning, tags(meaning))


def pairs(seed: int, n: int) -> list[Pair]:
    """``n`` random pairs; a longer draw begins alike."""
    dice = random.Random(seed)
    return [make(sample(dice)) for _ in range(n)]


def combinations(meaning: Clause) -> set[tuple[str, str, str]]:
    """The combinations of words in a meaning that may be held out: (what, one, other)."""
    found: set[tuple[str, str, str]] = set()
    stack: list[Clause | Phrase] = [meaning]
    while stack:
        part = stack.pop()
        if isinstance(part, Phrase):
            if part.head in NOUNS and part.det in (*NUMBERS, *POINTERS):
                found.add(("counted", part.det, part.head))
            if part.adjective:
                found.add(("adjective", part.adjective, part.head))
            if part.relative:
                what = part if part.relative.object is None and part.relative.subject else None
                stack.append(replace(part.relative, object=replace(what, relative=None))
                             if what else part.relative)  # fmt: skip
            continue
        what = part.object
        # Of play, wear and know the object decides the word: nothing else tells which.
        free = part.verb not in ("play", "wear", "know") and part.form == "action"
        free = free and what is not None and what.head in NOUNS
        if free and len(_nouns_of(VERBS[part.verb].objects)) > 4:
            found.add(("done", part.verb, what.head))
        stack += [p for p in (part.subject, what, part.company) if p]
    return found


@functools.cache
def is_held_out(combination: tuple[str, str, str]) -> bool:
    """Whether a combination never stands in training: one in eight, by a hash of its words."""
    return hashlib.sha256("/".join(combination).encode()).digest()[0] < 32


def structures(meaning: Clause) -> set[str]:
    """Those of the held-out structures that a meaning has; its pieces all stand in training."""
    relatives = [p for p in (meaning.subject, meaning.object) if p and p.relative]
    found = {
        "two relative clauses": len(relatives) > 1,
        "question with relative clause": meaning.question and bool(relatives),
        "negation with company": meaning.negative and meaning.company is not None,
    }
    return {name for name, there in found.items() if there}


def splits(
    train: int = 12_000, valid: int = 300, test: int = 400, seed: int = 0
) -> dict[str, list]:
    """The book's parts: no English sentence stands in two, and none is among those by hand.

    train, valid and sentences hold no combination and no structure that is held out;
    compositions hold at least one held-out combination of known words, structures at least one
    held-out structure (and no held-out combination).
    """
    dice, by_hand = random.Random(seed), {tuple(each.words) for each in hand_written()}
    home: dict[tuple[str, ...], str] = {}  # an English sentence may say two meanings (a bat)
    sizes = {"train": train, "valid": valid, "sentences": test, "compositions": test,
             "structures": test}  # fmt: skip
    parts: dict[str, list[Pair]] = {name: [] for name in sizes}
    while any(len(parts[name]) < size for name, size in sizes.items()):
        meaning = sample(dice)
        new, shapes = any(map(is_held_out, combinations(meaning))), structures(meaning)
        names = ["compositions"] if new else ["structures"] if shapes else []
        names = [] if new and shapes else names or ["train", "valid", "sentences"]
        name = next((n for n in names if len(parts[n]) < sizes[n]), None)
        if name is None:
            continue
        pair = make(meaning)
        key = tuple(pair.english)
        if key in by_hand or (key in home and (name, home[key]) != ("train", "train")):
            continue
        home[key] = name
        parts[name].append(pair)
    return parts
