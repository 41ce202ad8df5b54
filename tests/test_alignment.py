"""Word alignment: EM by hand, by the package, and against the grammar's true links."""

import math

import torch

from llmbook.alignment import (
    NULL,
    align,
    attention_table,
    dictionary,
    ibm_model_1,
    interlinear,
    pointing_accuracy,
)
from llmbook.corpora.parallel import pairs
from llmbook.corpora.parallel_words import glosses

HOUSE = [(["the", "house"], ["das", "Haus"]), (["the", "book"], ["das", "Buch"]),
         (["a", "book"], ["ein", "Buch"])]  # fmt: skip


def by_hand(data, rounds):
    """The same EM as plain loops over words."""
    words = {w for s, _ in data for w in (NULL, *s)}
    t = {(e, f): 1.0 for s, target in data for e in (NULL, *s) for f in target}
    for _ in range(rounds):
        count = dict.fromkeys(t, 0.0)
        for s, target in data:
            for f in target:
                total = sum(t[e, f] for e in (NULL, *s))
                for e in (NULL, *s):
                    count[e, f] += t[e, f] / total
        for e in words:
            mass = sum(c for (x, _), c in count.items() if x == e)
            t |= {key: c / mass for key, c in count.items() if key[0] == e}
    return t


def test_em_is_em():
    for rounds in (1, 2, 8):
        ours, theirs = ibm_model_1(HOUSE, rounds), by_hand(HOUSE, rounds)
        assert ours.keys() == theirs.keys()
        assert all(math.isclose(ours[k], theirs[k], rel_tol=1e-10) for k in ours)


def test_every_law_sums_to_one_and_likelihood_never_falls():
    data = [(p.english, p.chinese) for p in pairs(0, 200)]
    before = -math.inf
    for rounds in (1, 2, 3, 6):
        t = ibm_model_1(data, rounds)
        sums: dict[str, float] = {}
        for (e, _), p in t.items():
            sums[e] = sums.get(e, 0.0) + p
        assert all(math.isclose(s, 1, rel_tol=1e-9) for s in sums.values())
        logs = [
            math.log(sum(t[e, f] for e in (NULL, *s)) / (len(s) + 1)) for s, z in data for f in z
        ]
        assert sum(logs) >= before - 1e-6
        before = sum(logs)


def test_it_finds_the_grammars_alignment():
    data = pairs(0, 2_000)
    t = ibm_model_1([(p.english, p.chinese) for p in data])
    looks = [align(t, p.english, p.chinese) for p in data]
    hits, total = pointing_accuracy(looks, [p.alignment for p in data])
    assert hits / total > 0.8  # a look at a random word would hit one in eight
    assert align(t, ["zzz"], ["狗"]) in ([0], [None])


def test_pointing_accuracy_counts_only_words_that_have_a_link():
    golds = [{(0, 0), (2, 0), (1, 2)}]
    assert pointing_accuracy([[2, 0, 1]], golds) == (2, 2)
    assert pointing_accuracy([[None, 0, 0]], golds) == (0, 2)


def test_a_dictionary_gives_the_most_frequent_words_none_or_several():
    t = {("a", "x"): 1.0, ("a", "y"): 1.0, ("b", "z"): 1.0}
    found = dictionary(t, [(["a", "b"], ["x", "y"]), (["a", "b"], ["x", "y"]), (["b"], ["z"])])
    assert found == {"a": ("x", "y"), "b": ()}


def test_tables_are_html_with_a_text_and_escape_what_they_show():
    table = glosses()
    line = interlinear(["狗", "<b>"], table)
    shown = line._repr_mimebundle_()
    assert "gǒu" in shown["text/html"]
    assert "&lt;b&gt;" in shown["text/html"]
    assert "dog" in shown["text/plain"]
    weights = torch.tensor([[0.9, 0.1], [0.05, 0.95]])
    grid = attention_table(weights, ["a", "dog"], ["一", "狗"], table, gold={(1, 1)})
    page = grid._repr_mimebundle_()["text/html"]
    assert page.count("<tr>") == 3
    assert page.count("box-shadow") == 1
    assert ">90<" in page
    assert ">5<" not in page
