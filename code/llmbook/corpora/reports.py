"""Short reports whose facts are known, each with a summary of one sentence.

    >>> report = sample(seed=0, n=1)[0]
    >>> report.facts
    Facts(kind='delivery', who='Elena', number='28', thing='bricks', place='Cairo', day='Friday')

Data card
    What: English reports of 4 to 7 sentences about a delivery, a race or a vote. Five facts of the
    event (who, number, thing, place, day) are spread over two or three sentences, each said once.
    Between them stand *distractors*, of the same kinds and about something else (another year,
    another plan, who came second), and sentences that say nothing. The summary says all five facts
    in one sentence, always in the same words, so that it is wrong only where a fact is.
    How made: by the frames below, from `random.Random(seed)`. Names, places and numbers follow
    Zipf's law. `llmbook.corpora.reports_rule` reads the facts back off the text by other means, and
    a test holds the two together.
    Size: any; 4,000 to learn from by default.
    Licence: CC BY 4.0.
    Known limits: three kinds of event, some sixty frames. That a sentence is about something else
    is always said by a word (*had*, *last*, *next*, *second*); in real news it often is not.
    Nothing is left to be weighed: which facts matter is the same each time.

Splits: "train", "valid" and "test" are drawn alike, and no event (its five facts) comes twice. In
"strangers" every name, place and number is one that never comes in training. In "phrasings" at
least one sentence is made by a frame that never comes in training: the last of each kind's
distractors, or a second choice for the last sentence of a plan with an odd number (`is_held_out`).
"""

import random
from typing import NamedTuple

from llmbook.corpora.reports_words import (
    DAYS,
    NAMES,
    NUMBERS,
    PLACES,
    STRANGE_NAMES,
    STRANGE_NUMBERS,
    STRANGE_PLACES,
    THINGS,
)

SLOTS = ("who", "number", "thing", "place", "day")
SUMMARY = {
    "delivery": "{who} brought {number} {thing} to {place} on {day}.",
    "race": "{who} won the {number} kilometre {thing} race in {place} on {day}.",
    "vote": "{who} was elected {thing} in {place} on {day} with {number} votes.",
}
EVENTS = {  # kind -> plans; a plan is a list of sentences, a sentence a choice of frames
    "delivery": (
        (
            ("{who} drove a van full of {thing}.", "A van with {thing} was driven by {who}."),
            ("It arrived in {place} on {day}.", "On {day} it came to {place}."),
            ("There were {number} of them.", "People unloaded {number} before noon."),
        ),
        (
            ("A school in {place} needed {thing}.", "People in {place} were waiting for {thing}."),
            ("On {day} there were {number} at the door.", "It got {number} of them on {day}."),
            ("They were brought by {who}.", "The driver was {who}."),
        ),
        (
            ("A van came to {place} on {day}.", "On {day} a van stopped in {place}."),
            ("{who} got out and unloaded {number} {thing}.", "It was {who} with {number} {thing}."),
        ),
        (
            ("There are {number} {thing} in {place} now.",
             "A club in {place} has {number} {thing}."),
            ("On {day} {who} came with them.", "{who} brought them on {day}."),
        ),
    ),
    "race": (
        (
            ("A {thing} race was held in {place}.", "Crowds came to {place} for a {thing} race."),
            ("It was {number} kilometres long.",
             "The course had no hills in its {number} kilometres."),
            ("{who} crossed the line first on {day}.", "On {day} {who} was the fastest."),
        ),
        (
            ("{who} is the best in {thing}.", "A {thing} race was won by {who}."),
            ("It took place in {place} on {day}.", "On {day} the town of {place} was full."),
            ("The course led over {number} kilometres.", "All {number} kilometres were dry."),
        ),
        (
            ("On {day} a {thing} race started in {place}.",
             "In {place} a {thing} race began on {day}."),
            ("{who} won after {number} kilometres.", "After {number} kilometres {who} was first."),
        ),
        (
            ("It was {number} kilometres of {thing} on {day}.",
             "On {day} came {number} kilometres of {thing}."),
            ("{who} won in {place}.", "In {place} nobody was faster than {who}."),
        ),
    ),
    "vote": (
        (
            ("A club in {place} chose a new {thing}.", "People in {place} voted for a {thing}."),
            ("With {number} votes it is {who}.", "{who} got {number} votes and won."),
            ("The result came on {day}.", "On {day} all votes were counted."),
        ),
        (
            ("{who} is the new {thing}.", "The new {thing} is {who}."),
            ("Members met in {place} on {day}.", "On {day} there was a vote in {place}."),
            ("In all {number} of them said yes.", "It took {number} votes to win."),
        ),
        (
            ("On {day} {who} was chosen in {place}.",
             "In {place} the choice fell on {who} on {day}."),
            ("A {thing} with {number} votes is a strong one.",
             "For a {thing} {number} votes are many."),
        ),
        (
            ("The vote for {thing} on {day} was close.", "On {day} a {thing} was elected."),
            ("In {place} {who} got {number} votes.", "{who} won in {place} with {number} votes."),
        ),
    ),
}  # fmt: skip
OTHERS = {  # about something else: another time, another plan, another person
    "delivery": (
        "Last week {who} brought {number} {thing} to {place}.",
        "{who} had offered to come on {day}.",
        "Only {number} had been ordered.",
        "Next month {who} will drive to {place} with {number} {thing}.",
        "They had been expected on {day}.",
        "A club in {place} had asked for {thing}.",
    ),
    "race": (
        "Last year {who} won in {place}.",
        "{who} came second.",
        "The last course was {number} kilometres long.",
        "It had been planned for {day}.",
        "The next {thing} race will be held in {place} on {day}.",
        "In {place} {who} had won after {number} kilometres.",
    ),
    "vote": (
        "{who} came second with {number} votes.",
        "{who} had been {thing} before.",
        "Last time {number} votes were needed.",
        "The next meeting is in {place} on {day}.",
        "The vote had been planned for {day}.",
        "In {place} a {thing} had been chosen with {number} votes.",
    ),
}
FILLERS = (
    "The weather was fine.", "Nobody complained.", "There was coffee for all.", "A band played.",
    "It rained a little.", "Children waved flags.", "Some people sang.", "The evening was long.",
    "All went home late.", "There was cake.",
)  # fmt: skip


HELD_OUT = frozenset(
    [frames[-1] for frames in OTHERS.values()]
    + [plan[-1][1] for plans in EVENTS.values() for plan in plans[1::2]]
)


class Facts(NamedTuple):
    """What a report reports, as texts."""

    kind: str  # of SUMMARY
    who: str
    number: str
    thing: str
    place: str
    day: str


class Report(NamedTuple):
    """A text, its summary, and what is known about it."""

    text: str
    summary: str
    facts: Facts
    sentences: tuple[str, ...]  # the text's
    frames: tuple[str, ...]  # what the sentences were made by, in the same order


def zipf(dice: random.Random, items: tuple) -> str:
    """One of ``items``, the one at rank r with a chance in proportion to 1 / r."""
    return str(dice.choices(items, [1 / rank for rank in range(1, len(items) + 1)])[0])


def _facts(dice: random.Random, kind: str, strange: bool) -> Facts:
    names, places, numbers = (
        (STRANGE_NAMES, STRANGE_PLACES, STRANGE_NUMBERS) if strange else (NAMES, PLACES, NUMBERS)
    )
    who, number, place = (zipf(dice, items) for items in (names, numbers, places))
    return Facts(kind, who, number, dice.choice(THINGS[kind]), place, dice.choice(DAYS))


def is_held_out(frame: str) -> bool:
    """Whether a frame comes in the split "phrasings" alone."""
    return frame in HELD_OUT


def _report(dice: random.Random, number: int, strange: bool, new: bool) -> Report:
    """One report; its number sets its kind, so that all kinds are equally frequent. ``new`` allows
    the frames that are held out."""
    kind = tuple(SUMMARY)[number % len(SUMMARY)]
    facts = _facts(dice, kind, strange)

    def allowed(frames: tuple[str, ...]) -> list[str]:
        return [frame for frame in frames if new or not is_held_out(frame)]

    chosen = [(dice.choice(allowed(frames)), facts) for frames in dice.choice(EVENTS[kind])]
    others = dice.sample(allowed(OTHERS[kind]), dice.randint(1, 3))
    extra = [(frame, _unlike(dice, facts, strange)) for frame in others]
    so_far = len(chosen) + len(extra)
    fillers = dice.sample(FILLERS, dice.randint(max(0, 4 - so_far), min(2, 7 - so_far)))
    for pair in extra + [(filler, facts) for filler in fillers]:
        chosen.insert(dice.randint(0, len(chosen)), pair)  # anywhere, the beginning included
    sentences = tuple(frame.format(**about._asdict()) for frame, about in chosen)
    summary = SUMMARY[kind].format(**facts._asdict())
    return Report(" ".join(sentences), summary, facts, sentences, tuple(f for f, _ in chosen))


def _unlike(dice: random.Random, facts: Facts, strange: bool) -> Facts:
    """Facts of the same kind, each of them another."""
    while True:
        other = _facts(dice, facts.kind, strange)
        if not set(other[1:]) & set(facts[1:]):
            return other


def sample(seed: int, n: int, strange: bool = False, new: bool = False) -> list[Report]:
    """Draw ``n`` reports: of strangers alone if asked, with the held-out frames allowed if asked.

    A longer draw begins alike.
    """
    dice = random.Random(seed)
    return [_report(dice, number, strange, new) for number in range(n)]


def splits(
    train: int = 4000,
    valid: int = 300,
    test: int = 500,
    strangers: int = 500,
    phrasings: int = 500,
    seed: int = 0,
) -> dict[str, list[Report]]:
    """Reports to learn from, to choose by and to test on; no event comes twice.

    ValueError when there are not so many different events.
    """
    dice, seen, parts = random.Random(seed), set(), {}
    sizes = {"strangers": strangers, "phrasings": phrasings, "test": test, "valid": valid}
    for name, size in (sizes | {"train": train}).items():
        parts[name] = []
        for number in range(size):
            for _ in range(1000):
                new = name == "phrasings"
                report = _report(dice, number, name == "strangers", new)
                if report.facts not in seen and new == any(map(is_held_out, report.frames)):
                    break
            else:
                raise ValueError(f"{name} has no {number + 1} different events; ask for fewer")
            parts[name].append(report)
            seen.add(report.facts)
    return {name: parts[name] for name in ("train", "valid", "test", "strangers", "phrasings")}
