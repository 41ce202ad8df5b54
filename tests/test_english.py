"""The text to pre-train on: all plain English of the installation, held-out paragraphs left out."""

from llmbook.corpora import docstrings, english, pydocs


def test_it_adds_the_librarys_prose_and_keeps_each_content_once():
    paragraphs = english.paragraphs()
    keys = [p.key for p in paragraphs]
    assert len(keys) == len(set(keys))
    assert {p.key for p in pydocs.paragraphs()} < set(keys)
    # Prose is about half of the docstrings' characters; below a fifth, cleaning ate it up.
    prose = sum(len(p.text) for p in paragraphs) - sum(len(p.text) for p in pydocs.paragraphs())
    assert 0.2 < prose / len(docstrings.text()) < 0.9


def test_no_held_out_paragraph_is_among_those_to_learn_from():
    held_out = {p.key for s in ("valid", "test") for p in pydocs.paragraphs(s)}
    assert held_out.isdisjoint(p.key for p in english.paragraphs("train"))
    assert all(pydocs.key_of(p.text) == p.key for p in english.paragraphs("train")[::50])


def test_documents_hold_every_paragraph_of_a_split():
    for split in ("train", "valid"):
        text = english.text(split)
        assert text.count("\n\n") == len(english.paragraphs(split)) - 1
        assert all(p.text in text for p in english.paragraphs(split)[::100])
    sizes = english.provenance()["characters"]
    assert sizes["train"] > 5 * sizes["valid"] > 0
