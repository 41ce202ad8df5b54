"""A rule that reads a review's label off its words, made apart from the generator.

    >>> judge("Although the design is lovely, it broke on the second day.")
    'negative'

It shares no list and no frame with `llmbook.corpora.reviews`. It cuts the text into clauses, drops
what is conceded, turns what is negated, weighs degrees, and lets what happened outweigh what is
said. On generated reviews it must agree with every label (a test holds it to that), which proves
two things: that the labels can be known from the text alone, and that a rule suffices. How it fares
on reviews by people is another question; the chapter asks it.

Chapter: applications/sentiment.
"""

import re

from llmbook.corpora.opinion_words import NEGATIONS, NEGATIVE, POSITIVE, STRONG, WEAK

# What happened, by words that tell it. A wish for more is praise, however it complains.
_HAPPENED = (
    (re.compile(r"still works|early|replaced it|answered within|went back|bought \w+ more"), 1),
    (re.compile(r"refund came|ask for it|sooner|there were only|bought only|had to end"), 1),
    (re.compile(r"waited .* to try|stars"), 1),
    (re.compile(r"broke\b|late\b|refused|nobody answered|we left|sent it back|never came"), -1),
    (re.compile(r"missing"), -1),
)
_HARMLESS = re.compile(r"not joking|never seen|no doubt|not only")  # they turn nothing
_OPENING = re.compile(r"^(?:although|while|even if|despite)\b[^,]*,")  # conceded, then the point
_CLOSING = re.compile(r",? (?:although|even if|while|despite)\b.*$")  # the point, then conceded
_TURN = re.compile(r"^.*?, (?:but|yet) ")  # all before it is conceded
_BACK = re.compile(r"^(?:however|still|even so|but|yet)\b")  # a sentence that overrules the last


def judge(text: str) -> str:
    """ "positive" or "negative"; with nothing to go by, "negative"."""
    sentences = [s.strip() for s in re.split(r"[.;:!?]+", text.lower()) if s.strip()]
    for place in range(len(sentences) - 1, 0, -1):
        if _BACK.match(sentences[place]):
            sentences = sentences[place:]
            break
    decisive = [_CLOSING.sub("", _OPENING.sub("", _TURN.sub("", s))) for s in sentences]
    return "positive" if sum(map(_weight, decisive)) > 0 else "negative"


def _weight(sentence: str) -> float:
    """How much a sentence praises (above 0) or blames (below)."""
    for pattern, sign in _HAPPENED:
        if pattern.search(sentence):
            return 2.0 * sign
    clauses = re.split(r",| and ", _HARMLESS.sub("", sentence))
    return sum(map(_clause_weight, clauses))


def _clause_weight(clause: str) -> float:
    """The signs of a clause's opinion words, turned by negations and weighed by degrees."""
    total, turned, degree = 0.0, False, 1.0
    for word in re.findall(r"[a-z]+(?:'[a-z]+)?", clause.replace("anything but", "not")):
        if word in NEGATIONS or word.endswith("n't"):
            turned = not turned
        elif word in WEAK or word in STRONG:
            degree = 0.5 if word in WEAK else 2.0
        elif word in POSITIVE or word in NEGATIVE:
            sign = 1 if word in POSITIVE else -1
            total, degree = total + (-sign if turned else sign) * degree, 1.0
    return total
