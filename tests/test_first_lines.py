"""Docstrings as pairs: the form of PEP 257, and nothing held out in training."""

import re

import pytest

from llmbook.corpora.first_lines import WORDS, _pair, first_lines

PARTS = {split: first_lines(split) for split in ("train", "valid", "test")}


def test_neither_body_nor_line_of_a_held_out_pair_stands_in_training():
    bodies = {name: {p.body for p in rows} for name, rows in PARTS.items()}
    lines = {name: {p.first.lower() for p in rows} for name, rows in PARTS.items()}
    for a, b in (("train", "valid"), ("train", "test"), ("valid", "test")):
        assert not bodies[a] & bodies[b]
        assert not lines[a] & lines[b]


def test_there_are_enough_and_they_have_the_form():
    assert len(PARTS["train"]) > 1000  # 1,736 in Python 3.11
    assert min(len(PARTS["valid"]), len(PARTS["test"])) > 80
    for rows in PARTS.values():
        for pair in rows:
            assert 3 <= len(pair.first.split()) <= 20
            assert 0 < len(pair.body.split()) <= WORDS
            assert len(re.findall(r"[a-z]{2,}", pair.body)) >= 8
            assert "\n" not in pair.first + pair.body


def test_a_second_reading_agrees():
    """The line and the body of some functions, found by `inspect` on the living function."""
    import inspect
    import shutil
    import socketserver
    import statistics

    found = {p.first: p.body for rows in PARTS.values() for p in rows}
    agreed = 0
    for module in (shutil, socketserver, statistics):
        for _, item in inspect.getmembers(module):
            lines = (inspect.getdoc(item) or "").splitlines()
            if lines and lines[0] in found and callable(item):
                agreed += " ".join(" ".join(lines[1:]).split()).startswith(found[lines[0]])
    assert agreed >= 5


def test_what_has_not_the_form_is_left_out():
    body = "It does this and that with care, for as long as it is asked."
    assert _pair(f"Do the thing.\n\n{body}", "m").first == "Do the thing."
    assert _pair("Do the thing.", "m") is None
    assert _pair(f"Do it.\n\n{body}", "m") is None
    assert _pair(f"Do the thing\nat once.\n\n{body}", "m") is None
    assert _pair("Do the thing.\n\n>>> f(1)\n2", "m") is None
    assert len(_pair("Do the thing.\n\n" + "word " * 500, "m").body.split()) == WORDS
    with pytest.raises(ValueError, match="split must be"):
        first_lines("all")
