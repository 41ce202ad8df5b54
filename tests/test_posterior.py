"""The exact law of one hidden word: Bayes over every word of the language, and nothing else."""

import math

import pytest

from llmbook.corpora import tales

STORIES = tales.sample(seed=4, n=3)


def brute_force(words, place):
    """p(w | the others), from the score of the whole story with every word of the language."""
    joint = {}
    for word in tales.WORDS:
        try:
            scores = tales.score([*words[:place], word, *words[place + 1 :]])
        except ValueError:
            continue
        joint[word] = math.exp(sum(logprob for logprob, _ in scores))
    return {word: chance / sum(joint.values()) for word, chance in joint.items()}


@pytest.mark.parametrize("place", [0, 3, 5, 6, -3, -1])
def test_it_is_bayes_over_all_words(place):
    story = STORIES[0]
    place %= len(story)
    wanted = {w: p for w, p in brute_force(story, place).items() if p > 0}
    assert tales.posterior(story, place) == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("story", STORIES)
def test_every_place_has_a_law_and_the_truth_in_it(story):
    for place, word in enumerate(story):
        law = tales.posterior(story, place)
        assert math.fsum(law.values()) == pytest.approx(1, abs=1e-12)
        assert law[word] > 0


def test_what_comes_later_tells():
    """The number before a cry is open to who reads from the left, and certain after the cry."""
    story = next(s for s in tales.sample(seed=0, n=50) if "cried" in s)
    place = story.index("cried") - 2  # "two owls cried , hoo hoo"
    assert len(tales.laws(story[:place])[-1].law) > 1
    assert tales.posterior(story, place) == {story[place]: 1.0}


def test_bad_questions_are_refused():
    with pytest.raises(ValueError, match="places 0 to"):
        tales.posterior(STORIES[0], len(STORIES[0]))
    with pytest.raises(ValueError, match=r"no tale|may be"):
        tales.posterior(["once", "upon", "a", "time"], 3)
    broken = [*STORIES[0][:-2], "owl", "."]  # no word at place 1 mends the end
    with pytest.raises(ValueError, match="no tale has a word"):
        tales.posterior(broken, 1)
