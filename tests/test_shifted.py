"""Changed languages: exact laws, real differences where they should be and none elsewhere."""

import itertools
import math
from collections import Counter

import pytest

from llmbook.corpora import shifted, tales
from llmbook.corpora.shifted import HOME, READER, SHIFTS, Exchanges, Relabelled, Scenes, stories
from llmbook.corpora.source import END
from llmbook.corpora.tales import ANIMALS, NOUNS, Parameters, Tales

ALL = list(SHIFTS.values())
NAMES = list(SHIFTS)


@pytest.mark.parametrize("shift", [*ALL, HOME], ids=[*NAMES, "home"])
def test_laws_sum_to_one_and_samples_score(shift):
    for story in shift.source.sample(7, 60):
        steps = shift.source.laws(story)
        assert all(math.isclose(sum(s.law.values()), 1, abs_tol=1e-9) for s in steps)
        assert all(p > 0 for s in steps for p in s.law.values())
        assert steps[-1].law == {END: 1.0}
        assert len(shift.source.score(story)) == len(story) + 1


@pytest.mark.parametrize("shift", ALL, ids=NAMES)
def test_the_floor_is_the_expectation_of_what_the_laws_say(shift):
    """The entropy of every law that was met, summed, against the nats of the words that came."""
    drawn = shift.source.sample(11, 1_500)
    apart = []
    for story in drawn:
        entropy = sum(
            -p * math.log(p) for s in shift.source.laws(story) for p in s.law.values() if p < 1
        )
        apart.append(-math.fsum(x for x, _ in shift.source.score(story)) - entropy)
    mean = sum(apart) / len(apart)
    error = math.sqrt(sum((x - mean) ** 2 for x in apart)) / len(apart)
    assert abs(mean) < 5 * error  # five standard errors
    longest = max(map(len, drawn))
    assert longest + 1 <= 256  # the context of the models


def differs(sample, other):
    """Do words come more or less often by chi-square, or pairs of neighbours that never came?

    About 80 words: chance gives a chi-square of 80 ± 13 if words were independent; those of one
    story are not, and a second sample of Tales gives 122. Of its triples 0.13 % are unheard.
    """
    words, others = (Counter(w for s in part for w in s) for part in (sample, other))
    ratio = math.sqrt(others.total() / words.total())
    chi = sum(
        (words[w] * ratio - others[w] / ratio) ** 2 / (words[w] + others[w]) for w in words | others
    )
    triples, known = (
        Counter(t for s in part for t in zip(s, s[1:], s[2:], strict=False))
        for part in (sample, other)
    )
    unheard = sum(n for triple, n in triples.items() if triple not in known)
    return chi > 600 or unheard > 0.004 * words.total(), chi, unheard / words.total()


@pytest.mark.parametrize("shift", ALL, ids=NAMES)
def test_every_change_is_seen_in_a_sample(shift):
    verdict = differs(shift.source.sample(3, 800), HOME.source.sample(4, 2_000))
    assert verdict[0], verdict


def test_another_sample_of_tales_is_no_change():
    verdict = differs(HOME.source.sample(3, 800), HOME.source.sample(4, 2_000))
    assert not verdict[0], verdict


def test_with_nothing_changed_nothing_differs():
    class Same(Tales):
        def story(self):
            return shifted.rewritten(super().story(), lambda step, words: step)

    assert Same().sample(5, 50) == tales.sample(5, 50)
    assert all(Same().laws(s) == tales.laws(s) for s in tales.sample(5, 50))
    assert Relabelled({}).sample(5, 20) == tales.sample(5, 20)


def test_favourites_keep_the_mass_of_names_and_of_places():
    favourites = SHIFTS["favourites"].source
    pools = [set(Parameters().names), set(Parameters().places)]
    for story in favourites.sample(1, 40):
        for mine, old in zip(favourites.laws(story), tales.laws(story), strict=True):
            assert mine.law.keys() == old.law.keys()
            assert mine.tag == old.tag
            for pool in pools:
                a, b = (sum(p for w, p in x.law.items() if w in pool) for x in (mine, old))
                assert a == pytest.approx(b, abs=1e-12)
            outside = set(mine.law) - set.union(*pools)
            assert all(mine.law[w] == old.law[w] for w in outside)


@pytest.mark.parametrize("name", ["swapped", "reversed"])
def test_a_relabelled_language_is_tales_in_other_words(name):
    source = SHIFTS[name].source
    for story in source.sample(2, 60):
        original = [source.other(w) for w in story]
        assert source.score(story) == tales.score(original)
        assert story != original or not {*source.to} & {*story}
    assert source.sample(2, 60) == [[source.other(w) for w in s] for s in tales.sample(2, 60)]


def test_no_word_changes_places_twice():
    with pytest.raises(ValueError, match="one other word"):
        Relabelled({"cat": "dog", "dog": "owl"})


def test_newcomers_are_new_and_everything_else_is_as_it_was():
    assert not set(shifted.NEWCOMERS) & set(tales.WORDS)
    to = dict(zip(shifted.NEWCOMERS, Parameters().names, strict=True))
    new = SHIFTS["newcomers"].source.sample(4, 40)
    assert [[to.get(w, w) for w in s] for s in new] == tales.sample(4, 40)


def replay(story):
    """Who has what at the end of a story, by a second, independent reading of its sentences."""
    owner, sentences = {}, " ".join(story).split(" . ")
    opening = sentences[0].split(" lived ")[1]
    for person in opening.split(" and "):
        name, _, _, _, item = person.split()
        owner[item] = name
    for sentence in sentences[1:]:
        if sentence.startswith("so "):
            told = {w.split()[1]: w.split()[2] for w in sentence[3:].split(" and ")}
            return owner, told, sentences
        for gift in sentence.split(" and "):
            words = gift.split()
            if "gave" in words:
                assert owner[words[4]] == words[0]
                owner[words[4]] = words[2]
            elif "took" in words:
                assert owner[words[3]] == words[4] != words[0]
                owner[words[3]] = words[0]
    raise AssertionError("no roll call")


@pytest.mark.parametrize("name", ["exchange", "crowd", "longer"])
def test_an_independent_reading_finds_the_same_owners(name):
    answered = 0
    for story in SHIFTS[name].source.sample(6, 200):
        owner, told, sentences = replay(story)
        assert owner == told
        events = len(sentences) - 2
        people = len(owner)
        if name == "longer":
            assert 8 <= events <= 13
        elif name == "crowd":
            assert people in (4, 5)
        answered += sum(s.count(" gave ") == 2 for s in sentences)
    assert (answered > 20) == (name == "exchange")


def test_half_of_the_gifts_that_can_be_answered_are():
    asked = [
        (step.law, word)
        for story in Exchanges().sample(8, 1_500)
        for step, word in zip(Exchanges().laws(story), story, strict=False)
        if step.tag == "exchange" and len(step.law) == 2
    ]
    share = sum(word == "and" for _, word in asked) / len(asked)
    assert all(law == {".": 0.5, "and": 0.5} for law, _ in asked)
    assert abs(share - 0.5) < 5 * 0.5 / math.sqrt(len(asked))


def test_agreement_is_reversed_and_deeper_goes_deeper():
    for story in SHIFTS["reversed"].source.sample(1, 200):
        for noun, verb in itertools.pairwise(story):
            if noun in NOUNS and verb.rstrip("s") in ("sing", "sleep", "dance"):
                assert (noun in ANIMALS) == (not verb.endswith("s"))
    deepest = 0
    for story in SHIFTS["deeper"].source.sample(1, 300):
        for sentence in " ".join(story).split(" . "):
            deepest = max(deepest, sentence.split().count("that"))
    assert deepest == 6


def test_the_reader_is_tales_on_tales():
    for story in tales.sample(9, 200):
        for mine, step in zip(READER.laws_along(story), tales.laws(story), strict=True):
            assert mine.keys() == step.law.keys()
            assert all(mine[w] == pytest.approx(step.law[w], abs=1e-9) for w in mine)


@pytest.mark.parametrize("shift", ALL, ids=NAMES)
def test_the_reader_follows_every_story_and_never_leaves_the_old_language(shift):
    old_words = set(tales.WORDS)
    for story in shift.source.sample(10, 80):
        laws = READER.laws_along(story)
        assert len(laws) == len(story) + 1
        assert all(sum(law.values()) == pytest.approx(1, abs=1e-9) for law in laws)
        heard = old_words | set(story)  # a new name, once heard, is a name
        assert all(law.keys() <= heard for law in laws)


def test_after_a_strange_word_the_reader_goes_on_with_it():
    opening = "once by the mill lived anton fox with the lamp and tobin heron with the drum ."
    words = f"{opening} anton gave tobin the lamp . so the lamp".split()
    assert READER.laws_along(words)[-1] == {"tobin": 1.0}
    crowd = f"{opening[:-2]} and mara stag with the kite and ines hare with the bell .".split()
    laws = READER.laws_along(crowd)
    assert laws[crowd.index("kite") + 1] == pytest.approx({".": 1.0})  # no fourth was expected
    assert laws[-1]["ines"] == laws[-1]["tobin"]  # but she is one of the company now
    deep = [
        *opening.split(),
        *["the", "cat", "that", "the", "dog", "that", "the", "owl", "that", "the", "frog"],
    ]
    assert "that" not in READER.laws_along(deep)[-1]
    assert "that" in READER.laws_along(deep[:-3])[-1]


def test_after_seven_events_the_reader_expects_the_end():
    story = next(s for s in SHIFTS["longer"].source.sample(0, 5))
    ends = [i + 1 for i, w in enumerate(story) if w == "."]
    laws = READER.laws_along(story)
    assert "so" in laws[ends[6]]
    assert len(laws[ends[6]]) > 1
    assert laws[ends[7]] == {"so": 1.0}


def test_scenes_of_one_number_and_scenes_of_both():
    for scene in Scenes(same=True).sample(0, 200):
        assert len({w.endswith("s") for w in scene if w in NOUNS}) == 1
    mixed = Scenes().sample(0, 200)
    assert any(len({w.endswith("s") for w in s if w in NOUNS}) == 2 for s in mixed)
    for scene in Scenes(same=True).sample(1, 50):  # the same scenes, only rarer in the other
        assert (
            sum(x for x, _ in Scenes().score(scene))
            < sum(x for x, _ in Scenes(same=True).score(scene))
            or scene.count("that") == 0
        )


@pytest.mark.parametrize("shift", [*ALL, HOME], ids=[*NAMES, "home"])
def test_parts_share_no_story_with_one_another(shift):
    parts = {part: set(map(tuple, stories(shift, part, 300))) for part in shifted.SEEDS}
    assert all(len(p) > 290 for p in parts.values())
    assert not parts["adapt"] & parts["valid"]
    assert not (parts["adapt"] | parts["valid"]) & parts["test"]
    with pytest.raises(ValueError, match="expected one of"):
        stories(shift, "train", 3)


@pytest.mark.slow
def test_no_story_was_among_those_that_the_models_were_trained_on():
    seen = set(map(tuple, tales.splits()["train"]))
    for shift in (*ALL, HOME):
        for part in shifted.SEEDS:
            assert not seen & set(map(tuple, stories(shift, part, 300)))
