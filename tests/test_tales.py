"""Tales: every probability is what it is said to be."""

import itertools
import math
import random
from collections import Counter, defaultdict

import pytest

from llmbook.corpora import tales
from llmbook.corpora.source import END, Source, Step, pick
from llmbook.corpora.tales import Parameters, Tales

# One event at most, two people, two of everything: small enough to list every story.
TINY = Parameters(
    names=("mara", "tobin"),
    clans=("fox", "heron"),
    objects=("lamp", "drum"),
    places=("mill", "river"),
    people={2: 1.0},
    events=(0, 1),
    stop=0.3,
    depth=1,
    most=3,
)
OTHERS = [
    Parameters(),
    TINY,
    Parameters(people={2: 0.2, 3: 0.3, 4: 0.5}, events=(2, 9), depth=4, most=7),
    Parameters(cry=0.0, walk=0.0, stop=0.5, nest=0.0),
]


@pytest.mark.parametrize("parameters", OTHERS)
def test_every_law_sums_to_one_and_draws_are_possible(parameters):
    source = Tales(parameters)
    for story in source.sample(seed=3, n=300):
        for step, word in zip(source.laws(story), [*story, END], strict=True):
            assert math.fsum(step.law.values()) == pytest.approx(1, abs=1e-12)
            assert min(step.law.values()) > 0
            assert word in step.law
            assert set(step.law) <= set(source.words)


def every_tiny_story():
    """All stories of TINY with their probabilities, listed without using the source's laws."""
    animals = {"cat": "meow", "dog": "woof", "owl": "hoo", "frog": "croak", "duck": "quack"}
    nouns = [*animals, *(a + "s" for a in animals)]
    pairs = [list(itertools.permutations(pool)) for pool in (TINY.names, TINY.clans, TINY.objects)]

    def forms(noun, verbs):
        return verbs if noun.endswith("s") else [v + "s" for v in verbs]

    act, move = ["hear", "fear", "like"], ["sing", "sleep", "dance"]
    scenes = []
    for noun in nouns:
        for verb in forms(noun, move):
            scenes.append(([noun, verb], 0.1 * 0.55 / 3))
            for other in nouns:
                for inner in forms(other, act):
                    words = [noun, "that", "the", other, inner, verb]
                    scenes.append((words, 0.1 * 0.45 * 0.1 / 3 / 3))
    for place, names, clans, items in itertools.product(TINY.places, *pairs):
        opening = f"once by the {place} lived".split()
        for i in range(2):
            opening += f"{names[i]} {clans[i]} with the {items[i]}".split()
            opening += ["." if i else "and"]
        start = 1 / 2**4

        def close(owners, names=names, clans=clans, items=items):
            words = ["so"]
            for i, o in enumerate(owners):
                words += ["and"] * i + ["the", items[i], names[o], clans[o], "kept"]
            return [*words, "."]

        yield opening + close([0, 1]), start * 0.3
        kinds = {"trade": 0.5, "walk": 0.12, "cry": 0.2, "scene": 0.22}
        chance = {kind: start * 0.7 * w / sum(kinds.values()) for kind, w in kinds.items()}
        for who in range(2):
            other = 1 - who
            gave = f"{names[who]} gave {names[other]} the {items[who]} .".split()
            yield opening + gave + close([other] * 2), chance["trade"] / 4
            took = f"{names[who]} took the {items[other]} {names[other]} had .".split()
            yield opening + took + close([who] * 2), chance["trade"] / 4
        away = TINY.places[1 - TINY.places.index(place)]
        yield opening + f"they walked to the {away} .".split() + close([0, 1]), chance["walk"]
        for number, animal in itertools.product((2, 3), animals):
            cry = ["by", "the", place, {2: "two", 3: "three"}[number], animal + "s", "cried", ","]
            cry += [animals[animal]] * number + ["."]
            yield opening + cry + close([0, 1]), chance["cry"] / 10
        for scene, q in scenes:
            yield [*opening, "the", *scene, ".", *close([0, 1])], chance["scene"] * q


def test_the_tiny_source_is_what_an_independent_listing_says():
    source, total, entropy, tokens = Tales(TINY), [], [], []
    for words, probability in every_tiny_story():
        logprob = math.fsum(x for x, _ in source.score(words))
        assert logprob == pytest.approx(math.log(probability), abs=1e-12)
        total.append(probability)
        entropy.append(-probability * math.log(probability))
        tokens.append(probability * (len(words) + 1))
    assert math.fsum(total) == pytest.approx(1, abs=1e-12)
    expected = math.fsum(entropy) / math.fsum(tokens)  # nats per word, from the listing alone
    n = 20_000
    stories = source.sample(seed=5, n=n)
    scores = [-math.fsum(x for x, _ in source.score(words)) for words in stories]
    lengths = [len(words) + 1 for words in stories]
    # The floor of a sample is a ratio of two means; five standard errors of that ratio.
    residuals = [s - expected * t for s, t in zip(scores, lengths, strict=True)]
    error = math.sqrt(math.fsum(r * r for r in residuals) / n / n) / (sum(lengths) / n)
    assert abs(source.floor(stories).nats - expected) < 5 * error


def laws_seen(source, seed, n):
    """law (as a tuple) -> how often each word came where that law stood."""
    seen = defaultdict(Counter)
    dice = random.Random(seed)
    for _ in range(n):
        story = source.story()
        step = next(story)
        while True:
            word = pick(step.law, dice.random())
            if len(step.law) > 1:
                seen[tuple(step.law.items())][word] += 1
            if word == END:
                break
            step = story.send(word)
    return seen


def rejections(seen, claimed=lambda law: law, alpha=1e-3):
    """The laws that chi-square rejects at ``alpha`` over all of them (Bonferroni)."""
    from scipy.stats import chi2

    tested = {
        law: counts
        for law, counts in seen.items()
        if counts.total() * min(p for _, p in law) >= 5  # the usual bound of the approximation
    }
    rejected = []
    for law, counts in tested.items():
        n = counts.total()
        words = claimed(dict(law))
        statistic = sum((counts[w] - n * p) ** 2 / (n * p) for w, p in words.items())
        if chi2.sf(statistic, len(law) - 1) < alpha / len(tested):
            rejected.append(law)
    return rejected, len(tested)


def perturb(law):
    """The law with 2 % of its mass, relative, moved from the words' second half to the first."""
    words = sorted(law)
    half = len(words) // 2
    up = sum(law[w] for w in words[:half])
    down = 1 - up
    return {
        w: p * 1.02 if i < half else p * (1 - 0.02 * up / down)
        for i, (w, p) in enumerate((w, law[w]) for w in words)
    }


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_frequencies_agree_with_the_laws_and_a_perturbed_law_is_caught(seed):
    seen = laws_seen(tales.DEFAULT, seed, 100_000)
    rejected, tested = rejections(seen)
    assert tested > 100
    assert rejected == []
    caught, _ = rejections(seen, perturb)
    assert caught


def test_a_longer_draw_begins_like_a_shorter_one():
    assert tales.sample(7, 20)[:5] == tales.sample(7, 5)
    assert tales.sample(7, 5) != tales.sample(8, 5)


def test_an_object_that_changes_hands_has_a_new_owner():
    opening = "once by the mill lived mara fox with the lamp and tobin heron with the drum ."
    story = f"{opening} tobin took the lamp mara had . so the lamp".split()
    assert tales.laws(story)[-1] == Step({"tobin": 1.0}, "tracking")
    story = f"{opening} tobin gave mara the drum . so the lamp mara fox kept and the drum".split()
    assert tales.laws(story)[-1] == Step({"mara": 1.0}, "tracking")
    assert tales.laws([*story[:-6]])[-1] == Step({"mara": 1.0}, "recall")


def test_agreement_reaches_across_nested_clauses():
    opening = "once by the mill lived mara fox with the lamp and tobin heron with the drum ."
    steps = tales.laws(f"{opening} the cats that the dog that the owls fear".split())
    assert set(steps[-1].law) == {"hears", "fears", "likes"}
    assert steps[-1].tag == "nesting"
    steps = tales.laws(f"{opening} the cats that the dog that the owls fear likes".split())
    assert set(steps[-1].law) == {"sing", "sleep", "dance"}


def test_the_floor_weighs_words_and_adds_up_by_tag():
    stories = tales.sample(1, 50)
    floor = tales.floor(stories)
    assert floor.tokens == sum(len(s) + 1 for s in stories)
    total = math.fsum(nats * count for nats, count in floor.by_tag.values())
    assert total / floor.tokens == pytest.approx(floor.nats, rel=1e-12)
    assert floor.perplexity == pytest.approx(math.exp(floor.nats), rel=1e-12)
    assert floor.by_tag["grammar"][0] == 0


def test_splits_share_no_story():
    parts = tales.splits(train=2_000, valid=200, test=200, seed=4)
    train, valid, test = (set(map(tuple, parts[p])) for p in ("train", "valid", "test"))
    assert not train & valid
    assert not train & test
    assert not valid & test


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("twice upon a time", "word 0 is 'twice'"),
        ("once by the mill lived mara fox with the fox", "word 9 is 'fox'.*after"),
        ("once by the mill <end>", "word 4 is '<end>'"),
        ("once by the mill", "stops too early"),
        ("", "stops too early"),
    ],
)
def test_a_text_that_is_no_tale_is_refused_by_name(words, says):
    with pytest.raises(ValueError, match=says):
        tales.score(words.split())


def test_no_stories_no_floor():
    with pytest.raises(ValueError, match="empty"):
        tales.floor([])


@pytest.mark.parametrize(
    "change",
    [
        {"names": ("mara", "mill")},
        {"people": {1: 1.0}},
        {"people": {2: 0.5}},
        {"people": {9: 1.0}},
        {"most": 9},
    ],
)
def test_impossible_parameters_are_refused(change):
    with pytest.raises(ValueError, match=r"role|law|few"):
        Parameters(**change)


def test_any_coroutine_is_a_source():
    class Coin(Source):
        def story(self):
            while (yield Step({"heads": 0.5, END: 0.5}, "open")) != END:
                pass
            return END

    stories = Coin().sample(0, 200)
    assert Coin().floor(stories).nats == pytest.approx(math.log(2), rel=1e-12)
