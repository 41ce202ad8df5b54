"""A rule that reads facts off a report or a summary, made apart from the generator.

    >>> read("Last year Tom won. Anna was the fastest on Friday.")["who"]
    {'Anna'}
    >>> judge("Tom won on Friday.", "Last year Tom won. Anna was the fastest on Friday.")["who"]
    'wrong role'

It shares no frame with `llmbook.corpora.reports`. It knows names by their capitals, places by the
preposition before them, days and things by lists of its own; and it takes a sentence to be about
something else when the sentence says so: a verb in the past perfect, or *last*, *next*, *second*.
On generated reports it must find the facts of every one (a test holds it to that). So the facts
can be known from the text alone, and any summary can be judged, whoever wrote it.

Chapter: applications/summarization.
"""

import re

SLOTS = ("who", "number", "thing", "place", "day")
VERDICTS = ("faithful", "missing", "wrong role", "hallucinated")  # from the best to the worst

_ELSEWHERE = re.compile(r"\b(?:had (?!no\b)|last|next|second)\b", re.IGNORECASE)
_DAY = re.compile(r"\b(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b")
_NUMBER = re.compile(r"\b\d+\b")
_PLACE = re.compile(r"\b(?:in|to|of|from|at|near) ([A-Z]\w+)", re.IGNORECASE)
_BEGIN = re.compile(r"^[A-Za-z]\w*")
_CAPITAL = re.compile(r"\b[A-Z]\w+")
# Words that have a capital only because a sentence begins with them.
_FIRST = """
a after all at children crowds for from in it last members near next nobody of on only people some
the there they to with
"""
_FIRST_WORDS = frozenset(_FIRST.split())
_THING = re.compile(
    r"\b(?:chair|lamp|book|blanket|brick|tent|pump|bicycle|shovel|bed)s\b"
    r"|\b(?:runn|cycl|row|ski|swimm|sail)ing\b"
    r"|\b(?:mayor|treasurer|captain|secretary|president|librarian)\b"
)


def _mentions(sentence: str) -> dict[str, set[str]]:
    """What a sentence names, by slot."""
    days, places = set(_DAY.findall(sentence)), set()
    for word in _PLACE.findall(sentence):
        if word[0].isupper() and word not in days:
            places.add(word)
    capitals = {w for w in _CAPITAL.findall(sentence) if w.lower() not in _FIRST_WORDS}
    # Whatever begins a sentence, if it is no ordinary word, has taken a person's seat.
    seat = {w for w in _BEGIN.findall(sentence) if w.lower() not in _FIRST_WORDS}
    return {
        "who": (capitals - places | seat) - days,
        "number": set(_NUMBER.findall(sentence)),
        "thing": set(_THING.findall(sentence)),
        "place": places,
        "day": days,
    }


def _merged(sentences: list[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {slot: set() for slot in SLOTS}
    for sentence in sentences:
        for slot, values in _mentions(sentence).items():
            found[slot] |= values
    return found


def _sentences(text: str) -> list[str]:
    return [s for s in re.split(r"(?<=[.!?])\s+", text.strip()) if s]


def read(text: str) -> dict[str, set[str]]:
    """For each slot what the text says of its event; sentences about something else left out."""
    return _merged([s for s in _sentences(text) if not _ELSEWHERE.search(s)])


def judge(summary: str, report: str) -> dict[str, str]:
    """For each slot one of `VERDICTS`: what a summary says, held against its report.

    faithful: the report's fact. missing: it says nothing. wrong role: it is in the report, but
    said of something else. hallucinated: it is not in the report. Of several values the worst
    counts.
    """
    said, true, there = read(summary), read(report), set(re.findall(r"\w+", report))
    verdicts = {}
    for slot in SLOTS:
        kinds = [
            "faithful" if v in true[slot] else "wrong role" if v in there else "hallucinated"
            for v in said[slot]
        ]
        verdicts[slot] = max(kinds, key=VERDICTS.index, default="missing")
    return verdicts


def is_true(verdicts: dict[str, str]) -> bool:
    """Whether nothing that the summary says is false. (It may leave things out.)"""
    return not {"wrong role", "hallucinated"} & set(verdicts.values())
