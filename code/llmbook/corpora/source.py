"""A source of text whose every probability is known.

A text is a coroutine. At each step it yields the *law* of the next word, a dict from word to
probability, with a *tag* that names what must be known to predict it; it is then sent the
word that came. Sampling sends a draw, scoring sends the words of a given text. The two run
the same code, so the exact log-probability of any text comes for free, and with it the
*floor*: what the source itself loses, below which no model's expected loss can fall
(Shannon 1948: cross-entropy is at least entropy).
"""

import math
import random
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

END = "<end>"  # the word that closes every text
Law = dict[str, float]


class Step(NamedTuple):
    """The law of one word and the tag of what must be known to predict it."""

    law: Law
    tag: str


Story = Generator[Step, str, str]  # yields steps, is sent words, returns what its caller needs


def uniform(words: Iterable[str]) -> Law:
    words = list(words)
    return dict.fromkeys(words, 1 / len(words))


def say(*words: str) -> Story:
    """Words that are certain."""
    for word in words:
        yield Step({word: 1.0}, "grammar")
    return word


def pick(law: Law, u: float) -> str:
    """The word on which a point ``u`` in [0, 1) falls when the chances are laid end to end."""
    for word, chance in law.items():
        u -= chance
        if u < 0:
            return word
    return word  # the last one, when rounding let the chances sum to a hair below u


class Source:
    """Sampling, laws, scores and floor for any ``story()`` whose last word is ``END``."""

    def story(self) -> Story:
        raise NotImplementedError(f"{type(self).__name__} must define story()")

    def sample(self, seed: int, n: int) -> list[list[str]]:
        """Draw ``n`` stories, each a list of words without the end; a longer draw begins alike."""
        dice = random.Random(seed)
        return [self._draw(dice) for _ in range(n)]

    def _draw(self, dice: random.Random) -> list[str]:
        story, words = self.story(), []
        step = next(story)
        while (word := pick(step.law, dice.random())) != END:
            words.append(word)
            step = story.send(word)
        return words

    def laws(self, words: Sequence[str]) -> list[Step]:
        """The exact law of each word of a text and of the word that would come after it.

        Args:
            words: a story or the beginning of one, without the end.

        Returns:
            ``len(words) + 1`` steps; ``laws(words)[-1].law`` is the law of what comes next.

        Raises:
            ValueError: when a word cannot stand where it stands.
        """
        story = self.story()
        steps = [next(story)]
        for place, word in enumerate(words):
            law = steps[-1].law
            if word not in law or word == END:
                before = " ".join(words[max(0, place - 5) : place]) or "the beginning"
                may = ", ".join(sorted(law)[:6]) + (", …" if len(law) > 6 else "")
                raise ValueError(
                    f"word {place} is {word!r}, which no tale has after {before!r}; it may be {may}"
                )
            steps.append(story.send(word))
        return steps

    def score(self, words: Sequence[str]) -> list[tuple[float, str]]:
        """The log-probability (nats) and the tag of each word of a whole story and of its end."""
        steps = self.laws(words)
        if END not in steps[-1].law:
            raise ValueError(f"the story stops too early, after {' '.join(words[-5:])!r}")
        come = [*words, END]
        return [(math.log(s.law[w]), s.tag) for s, w in zip(steps, come, strict=True)]

    def posterior(self, words: Sequence[str], place: int) -> Law:
        """The exact law of the word at ``place``, given all words before *and after* it.

        By Bayes: p(w | the others) is p(the whole story with w there), divided by its sum over
        all w; only words that may follow the beginning need to be tried.

        Raises:
            ValueError: when ``place`` is no word of the story, or no word at all fits there.
        """
        if not 0 <= place < len(words):
            raise ValueError(f"place is {place}; the story has the places 0 to {len(words) - 1}")
        joint = {}
        for word in self.laws(words[:place])[-1].law:
            try:
                scores = self.score([*words[:place], word, *words[place + 1 :]])
            except ValueError:
                continue  # what comes after is impossible with this word
            joint[word] = math.exp(math.fsum(logprob for logprob, _ in scores[place:]))
        if not joint:
            raise ValueError(f"no tale has a word at {place} between the others of this story")
        total = math.fsum(joint.values())
        return {word: chance / total for word, chance in joint.items()}

    def floor(self, stories: Sequence[Sequence[str]]) -> "Floor":
        """What the source itself loses on these stories: no model can expect to lose less."""
        if not stories:
            raise ValueError("there is no floor without stories; got an empty list")
        scores = [self.score(words) for words in stories]
        logprobs = [[logprob for logprob, _ in story] for story in scores]
        return Floor(logprobs, [[tag for _, tag in story] for story in scores])


@dataclass(frozen=True)
class Floor:
    """The source's own log-probability (nats) and tag of every word and end of some stories."""

    logprobs: list[list[float]]
    tags: list[list[str]]

    @property
    def tokens(self) -> int:
        return sum(map(len, self.logprobs))

    @property
    def nats(self) -> float:
        """Mean cross-entropy of the source with itself, in nats per word."""
        return -math.fsum(x for story in self.logprobs for x in story) / self.tokens

    @property
    def perplexity(self) -> float:
        return math.exp(self.nats)

    @property
    def by_tag(self) -> dict[str, tuple[float, int]]:
        """Tag -> (mean nats, number of words)."""
        found: dict[str, list[float]] = {}
        for story, tags in zip(self.logprobs, self.tags, strict=True):
            for logprob, tag in zip(story, tags, strict=True):
                found.setdefault(tag, []).append(-logprob)
        return {tag: (math.fsum(x) / len(x), len(x)) for tag, x in sorted(found.items())}
