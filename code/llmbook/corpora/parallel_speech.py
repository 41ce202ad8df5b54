"""How a meaning is said in English and in Chinese, each word with the parts of it that it says.

`english` and `chinese` know nothing of one another: each walks the meaning in its own order. A
part is named by its path, as ``object.adjective``; a word may say several parts (bought: the verb
and the past) or none (the measure word says nothing that English says).
"""

from llmbook.corpora.parallel_meaning import Clause, Phrase, Piece
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
    VESSELS,
    spelled,
)

VOWELS = "aeiou"


def _third(subject: Phrase) -> bool:
    """Whether the verb takes an s."""
    if subject.head in PRONOUNS:
        return PRONOUNS[subject.head][4]
    return not subject.plural


def _be(subject: Phrase) -> str:
    return "am" if subject.head == "i" else "is" if _third(subject) else "are"


# --- English ----------------------------------------------------------------------------------


def english(meaning: Clause) -> list[Piece]:
    """The sentence's words, lower case, its end mark last."""
    m, end = meaning, [("?" if meaning.question else ".", ("end",))]
    if m.form == "exists":
        is_, there = (_be(m.subject), ("verb",)), ("there", ("verb",))
        head = [is_, there] if m.question else [there, is_]
        return head + _english_phrase(m.subject, "subject") + _words(m.place, "place") + end
    subject = _english_phrase(m.subject, "subject")
    if m.form == "quality":
        not_ = [("not", ("negative",))] if m.negative else []
        very = [("very", ("degree",))] if m.very else []
        is_ = [(_be(m.subject), () if m.very or m.negative or m.question else ("degree",))]
        said = [*not_, *very, (spelled(m.verb), ("verb",))]
        return (is_ + subject if m.question else subject + is_) + said + end
    helper, verb = _english_verb(m, m.subject)
    clause = helper + subject + verb if m.question else subject + helper + verb
    if m.object:
        clause += _english_phrase(m.object, "object", objective=True)
    if m.company:
        clause += [("with", ("with",)), *_english_phrase(m.company, "company", objective=True)]
    clause += _words(m.place, "place")
    time = _words(m.time, "time")
    return ([*time, (",", ()), *clause] if m.time_first else clause + time) + end


def _english_verb(m: Clause, subject: Phrase, path: str = "") -> tuple[list[Piece], list[Piece]]:
    """Auxiliary words and the verb itself, agreeing with ``subject``."""
    base, third, past, going = VERBS[m.verb].forms
    verb, aspect, not_ = (path + "verb",), (path + "aspect",), []
    if m.negative:
        # Chinese has one word for "did not": 没 says both.
        not_ = [("not", ("negative",))]
    if m.aspect == "f":
        return [("will", aspect), *not_], [(base, verb)]
    if m.aspect == "n":
        return [(_be(subject), aspect), *not_], [(going, verb + aspect)]
    if m.negative or m.question:
        do = "did" if m.aspect == "p" else "does" if _third(subject) else "do"
        says = aspect + (("negative",) if m.negative and m.aspect == "p" else ())
        return [(do, says), *not_], [(base, verb)]
    if m.aspect == "p":
        return [], [(past, verb + aspect)]
    return [], [(third if _third(subject) else base, verb)]


def _english_phrase(p: Phrase, path: str, objective: bool = False) -> list[Piece]:
    head = (path + ".head",)
    if p.head in PRONOUNS:
        return [(PRONOUNS[p.head][0] if objective else p.head, head)]
    if p.head in NAMES:
        return [(p.head, head)]
    noun, words = NOUNS[p.head], []
    if noun.many == "-":
        if p.det in NUMBERS:  # a cup of tea
            vessel = VESSELS[noun.kind][int(p.det != "a")]
            words = [(p.det, (path + ".det",)), (vessel, (path + ".measure",)), ("of", ())]
        return [*words, (noun.one, head)]
    if p.adjective:
        words = [(spelled(p.adjective), (path + ".adjective",))]
    words.append((noun.many if p.plural else noun.one, head))
    det = PRONOUNS[p.det][1] if p.det in PRONOUNS else p.det
    if det == "a" and words[0][0][0] in VOWELS:
        det = "an"
    if det:
        words.insert(0, (det, (path + ".det",)))
    if p.relative:
        words += _english_relative(p, path + ".relative.")
    return words


def _english_relative(p: Phrase, path: str) -> list[Piece]:
    r = p.relative
    that = [("who" if p.kind == "person" else "that", (path + "de",))]
    _, verb = _english_verb(r, r.subject or p, path)
    if r.subject:
        return that + _english_phrase(r.subject, path + "subject") + verb
    what = _english_phrase(r.object, path + "object", objective=True) if r.object else []
    return that + verb + what


def _words(name: str, path: str) -> list[Piece]:
    """The words of a time or a place; the senses of bank are spelled alike."""
    return [(spelled(word), (path,)) for word in name.split()]


# --- Chinese ----------------------------------------------------------------------------------


def chinese(meaning: Clause) -> list[Piece]:
    """The sentence's words, its end mark last."""
    m, end = meaning, [("？" if meaning.question else "。", ("end",))]
    ask = [("吗", ("end",))] if m.question else []
    place = [(word, ("place",)) for word in PLACES[m.place][0].split()] if m.place else []
    subject = _chinese_phrase(m.subject, "subject")
    if m.form == "exists":
        return [*place, ("有", ("verb",)), *subject, *ask, *end]
    if m.form == "quality":
        degree = [("非常" if m.very else "很", ("degree",))]
        degree = [("不", ("negative",))] if m.negative else [] if m.question else degree
        return [*subject, *degree, (QUALITIES[m.verb][1], ("verb",)), *ask, *end]
    time = [(TIMES[m.time][0], ("time",))] if m.time else []
    opening = time + subject if m.time_first else subject + time
    if m.negative:
        opening.append(("没" if m.aspect == "p" else "不", ("negative",)))
    if m.aspect == "f":
        opening.append(("会", ("aspect",)))
    if m.aspect == "n":
        opening.append(("正", ("aspect",)))
        if m.company or not m.place:
            opening.append(("在", ("aspect",)))  # with a place, its own 在 serves both
    if m.company:
        opening += [("跟", ("with",)), *_chinese_phrase(m.company, "company")]
    if place:
        opening += [("在", ("place",)), *place]
    return opening + _chinese_verb(m, m.negative) + ask + end


def _chinese_verb(m: Clause, negative: bool, path: str = "") -> list[Piece]:
    """The verb, 了 of what is done, the object."""
    zh = VERBS[m.verb].chinese(m.object.kind if m.object else "")
    words: list[Piece] = [(zh, (path + "verb",))]
    if m.aspect == "p" and not negative:
        words.append(("了", (path + "aspect",)))
    return words + (_chinese_phrase(m.object, path + "object") if m.object else [])


def _chinese_phrase(p: Phrase, path: str) -> list[Piece]:
    head = (path + ".head",)
    if p.head in PRONOUNS:
        return [(PRONOUNS[p.head][2], head)]
    if p.head in NAMES:
        return [(NAMES[p.head][0], head)]
    noun, words = NOUNS[p.head], []
    if p.relative:
        words = _chinese_relative(p, path + ".relative.")
    counts = NUMBERS | POINTERS
    if p.det in counts:
        # Only cups and bowls have an English word that says what the measure word says.
        says = (path + ".measure",) if noun.many == "-" else ()
        words += [(counts[p.det][0], (path + ".det",)), (noun.measure, says)]
    elif p.det in PRONOUNS:
        words.append((PRONOUNS[p.det][2] + "的", (path + ".det",)))
    if p.adjective:
        words.append((ADJECTIVES[p.adjective][1], (path + ".adjective",)))
    return [*words, (noun.zh, head)]


def _chinese_relative(p: Phrase, path: str) -> list[Piece]:
    """买了书的 before "the boy who bought books"; 老师买的 before "the book the teacher bought"."""
    r, de = p.relative, [("的", (path + "de",))]
    if r.subject is None:
        return _chinese_verb(r, False, path) + de
    zh = VERBS[r.verb].chinese(p.kind)
    return [*_chinese_phrase(r.subject, path + "subject"), (zh, (path + "verb",)), *de]


# --- What is in a sentence --------------------------------------------------------------------


def tags(meaning: Clause) -> frozenset[str]:
    """The phenomena that a sentence shows."""
    m, found = meaning, set()
    phrases = [p for p in (m.subject, m.object, m.company) if p]
    clauses = [m, *(p.relative for p in phrases if p.relative)]
    phrases += [p for c in clauses[1:] for p in (c.subject, c.object) if p]
    nouns = [p for p in phrases if p.head in NOUNS]
    found |= {"measure word"} if any(p.det in NUMBERS | POINTERS for p in nouns) else set()
    found |= {"relative clause"} if len(clauses) > 1 else set()
    sense = any(c.verb in ("play", "wear", "know") for c in clauses) or "bank" in m.place
    sense |= any(p.adjective.startswith("old") or p.head.startswith("bat.") for p in nouns)
    found |= {"ambiguous word"} if sense else set()
    found |= {"order"} if m.place or m.company or (m.time and not m.time_first) else set()
    found |= {"question"} if m.question else {"negation"} if m.negative else set()
    found |= {"aspect"} if m.form == "action" and any(c.aspect != "h" for c in clauses) else set()
    return frozenset(found or {"plain"})
