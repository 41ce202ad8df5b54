"""A second rule: Chinese of the grammar read back to its meaning, by a parser of its own.

    >>> read(words("汤姆昨天没踢足球。"))  # a Clause; None where the sentence is not well formed

It shares the tables of words with the generator and nothing else: it goes from left to right and
never sees the English. So it says of any Chinese sentence, a model's as well, whether it is well
formed (the measure word that the noun asks for, the verb that the object asks for, each particle
at its place) and what it means. Chinese does not show everything: `gist` takes out of a meaning
what it leaves open (the or bare; singular or plural where nothing is counted; when the thing of
老师买的书 was bought).
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from llmbook.corpora.parallel_meaning import Clause, Phrase
from llmbook.corpora.parallel_words import (
    ADJECTIVES,
    NAMES,
    NOUNS,
    NUMBERS,
    PLACES,
    POINTERS,
    PRONOUNS,
    QUALITIES,
    TIMES,
    VERBS,
    glosses,
)

Tokens = Sequence[str]
_BY_ZH = {
    "pronoun": {zh: name for name, (_, _, zh, *_) in PRONOUNS.items()},
    "name": {zh: name for name, (zh, _) in NAMES.items()},
    "owner": {row[2] + "的": name for name, row in PRONOUNS.items()},
    "count": {zh: name for name, (zh, _) in (NUMBERS | POINTERS).items()},
    "noun": {noun.zh: noun.name for noun in NOUNS.values()},
    "time": {zh: name for name, (zh, *_) in TIMES.items()},
    "quality": {zh: name for name, (_, zh, _) in QUALITIES.items()},
}
_LONGEST = max(map(len, glosses()))


def words(text: str) -> list[str]:
    """A Chinese text cut into the grammar's words, longest first; unknown signs stand alone.

    我的 is one word before a noun, and 看见 or 自行车 are never cut.
    """
    found, table, i = [], glosses(), 0
    while i < len(text):
        n = next((n for n in range(_LONGEST, 0, -1) if text[i : i + n] in table), 1)
        found.append(text[i : i + n])
        i += n
    return found


def gist(m: Clause | None) -> Clause | None:
    """The meaning without what Chinese leaves open."""

    def of_phrase(p: Phrase | None) -> Phrase | None:
        if p is None:
            return None
        counted = p.det in NUMBERS and p.det != "a"
        det = "" if p.det == "the" else p.det
        clause = gist(p.relative)
        if clause and clause.subject:  # 老师买的书: bought or buys
            clause = replace(clause, aspect="")
        return replace(p, det=det, plural=counted and NOUNS[p.head].many != "-", relative=clause)

    if m is None:
        return None
    return replace(m, subject=of_phrase(m.subject), object=of_phrase(m.object),
                   company=of_phrase(m.company))  # fmt: skip


def read(tokens: Tokens) -> Clause | None:
    """The meaning of a sentence as its `gist`; None where it is not well formed."""
    tokens = list(tokens)
    question = tokens[-2:] == ["吗", "？"]
    if not question and tokens[-1:] != ["。"]:
        return None
    body = tokens[:-2] if question else tokens[:-1]
    for form in (_exists, _quality, _action):
        for meaning in form(body, question):
            return gist(meaning)
    return None


def _at(tokens: Tokens, i: int) -> str:
    return tokens[i] if i < len(tokens) else ""


def _place(tokens: Tokens, i: int) -> Iterator[tuple[str, int]]:
    for name, (zh, _) in PLACES.items():
        part = zh.split()
        if tokens[i : i + len(part)] == part:
            yield name, i + len(part)


def _exists(tokens: list[str], question: bool) -> Iterator[Clause]:
    for place, i in _place(tokens, 0):
        if _at(tokens, i) == "有":
            for what, j in _phrase(tokens, i + 1):
                if j == len(tokens):
                    yield Clause("exists", "be", what, question=question, place=place)


def _quality(tokens: list[str], question: bool) -> Iterator[Clause]:
    quality = _BY_ZH["quality"].get(tokens[-1] if tokens else "")
    if quality is None:
        return
    for subject, i in _phrase(tokens, 0):
        between = tokens[i:-1]
        fitting = between in ([[]] if question else [["不"], ["很"], ["非常"]])
        if fitting and i < len(tokens):
            yield Clause("quality", quality, subject, negative=between == ["不"],
                         question=question, very=between == ["非常"])  # fmt: skip


def _action(tokens: list[str], question: bool) -> Iterator[Clause]:
    early = _BY_ZH["time"].get(_at(tokens, 0), "")
    for subject, i in _phrase(tokens, 1 if early else 0):
        late = "" if early else _BY_ZH["time"].get(_at(tokens, i), "")
        i, time = i + bool(late), early or late
        denied = _at(tokens, i) if _at(tokens, i) in ("不", "没") else ""
        i += bool(denied)
        mark = _at(tokens, i) if _at(tokens, i) in ("会", "正") else ""
        i += bool(mark)
        if mark == "正" and _at(tokens, i) == "在" and not any(_place(tokens, i + 1)):
            i += 1
        elif mark == "正" and _at(tokens, i) != "在":
            continue
        for company, place, j in _around(tokens, i):
            if mark == "正" and company is not None and tokens[i - 1] != "在":
                continue
            for verb, what, done, end in _verb(tokens, j):
                aspect = {"会": "f", "正": "n"}.get(mark, "p" if done or denied == "没" else "h")
                clash = (done and (mark or denied)) or (denied == "没" and mark)
                known = aspect in VERBS[verb].aspects and (not time or TIMES[time][2] == aspect)
                if end == len(tokens) and not clash and known:
                    yield Clause("action", verb, subject, what, aspect, bool(denied), question,
                                 False, time, bool(early), place, company)  # fmt: skip


def _around(tokens: list[str], i: int) -> Iterator[tuple[Phrase | None, str, int]]:
    """Company and place before the verb, in this order, either or none."""
    starts: list[tuple[Phrase | None, int]] = [(None, i)]
    if _at(tokens, i) == "跟":
        starts = list(_phrase(tokens, i + 1))
    for company, j in starts:
        if _at(tokens, j) == "在":
            for place, k in _place(tokens, j + 1):
                yield company, place, k
        else:
            yield company, "", j


def _verb(tokens: list[str], i: int) -> Iterator[tuple[str, Phrase | None, bool, int]]:
    """A verb with its object: (verb, object, whether 了 stands there, end)."""
    done = _at(tokens, i + 1) == "了"
    j = i + 1 + done
    for verb in VERBS.values():
        if _at(tokens, i) not in verb.zh.values():
            continue
        if not verb.objects:
            yield verb.name, None, done, j
        for what, end in _phrase(tokens, j) if verb.objects else ():
            if what.kind in verb.objects and verb.chinese(what.kind) == tokens[i]:
                yield verb.name, what, done, end


def _phrase(tokens: list[str], i: int, plain: bool = False) -> Iterator[tuple[Phrase, int]]:
    """A phrase that begins at ``i``; ``plain``: without a relative clause."""
    word = _at(tokens, i)
    for kind in ("pronoun", "name"):
        if word in _BY_ZH[kind]:
            yield Phrase(_BY_ZH[kind][word]), i + 1
    yield from _noun(tokens, i, None)
    if plain:
        return
    for verb, what, done, j in _verb(tokens, i):  # 买了书的 …: its subject is missing
        if _at(tokens, j) == "的":
            r = Clause("action", verb, None, what, "p" if done else "h")
            yield from ((p, k) for p, k in _noun(tokens, j + 1, r) if p.kind == "person")
    for subject, j in _phrase(tokens, i, plain=True):  # 老师买的 …: its object is missing
        for verb in VERBS.values():
            if verb.objects and _at(tokens, j) in verb.zh.values() and _at(tokens, j + 1) == "的":
                r = Clause("action", verb.name, subject, None, "")
                for p, k in _noun(tokens, j + 2, r):
                    if p.kind in verb.objects and verb.chinese(p.kind) == tokens[j]:
                        yield p, k


def _noun(tokens: list[str], i: int, relative: Clause | None) -> Iterator[tuple[Phrase, int]]:
    """Number and measure word, or owner; adjective; noun."""
    det = _BY_ZH["count"].get(_at(tokens, i), "")
    measure = _at(tokens, i + 1) if det else ""
    i += 2 if det else 0
    if not det and _at(tokens, i) in _BY_ZH["owner"]:
        det, i = _BY_ZH["owner"][tokens[i]], i + 1
    adjectives = [a for a, (_, zh, _) in ADJECTIVES.items() if zh == _at(tokens, i)] or [""]
    i += bool(adjectives[0])
    noun = NOUNS.get(_BY_ZH["noun"].get(_at(tokens, i), ""))
    if noun is None or (measure and noun.measure != measure):
        return
    for adjective in adjectives:
        if not adjective or noun.kind in ADJECTIVES[adjective][0].split():
            yield Phrase(noun.name, det, det in NUMBERS and det != "a", adjective, relative), i + 1
