"""The bibliography: every entry can be found, is written whole, and is cited."""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "book" / "extensions"))

database = pytest.importorskip("pybtex.database")
BIB = ROOT / "book" / "references.bib"
ENTRIES = dict(database.parse_file(BIB, bib_format="bibtex").entries)

DOI = re.compile(r"10\.\d{4,9}/[^\s{}]+")
ARXIV = re.compile(r"\d{2}(0[1-9]|1[0-2])\.\d{4,5}|[a-z-]+(\.[A-Z]{2})?/\d{2}(0[1-9]|1[0-2])\d{3}")
ACL = re.compile(r"https://aclanthology\.org/([A-Z]\d{2}-\d{4,5}|\d{4}\.[a-z0-9-]+\.\d+)/?")
CITATION = re.compile(r"\{cite(?::[a-z]+)?\}`([^`]+)`")
every_entry = pytest.mark.parametrize("key", ENTRIES)


def identifiers(fields: dict[str, str]) -> list[str]:
    """The identifiers of an entry that have the right form: DOI, arXiv, ACL Anthology."""
    found = []
    if DOI.fullmatch(fields.get("doi", "")):
        found.append(fields["doi"].lower())
    is_arxiv = fields.get("archiveprefix", "").lower() == "arxiv"
    if is_arxiv and ARXIV.fullmatch(fields.get("eprint", "")):
        found.append(fields["eprint"])
    if match := ACL.fullmatch(fields.get("url", "")):
        found.append(match[1])
    return found


def cited() -> set[str]:
    """The keys that the book's pages cite."""
    pages = [*(ROOT / "chapters").rglob("*.md"), *(ROOT / "book").glob("*.md")]
    texts = (page.read_text(encoding="utf-8") for page in pages)
    return {
        key.strip()
        for text in texts
        for keys in CITATION.findall(text)
        for key in keys.split("<")[-1].rstrip(">").split(",")
    }


@every_entry
def test_entry_has_an_identifier(key: str) -> None:
    fields = ENTRIES[key].fields
    assert identifiers(fields), "an entry needs a doi, an arXiv eprint or an ACL Anthology url"
    if "doi" in fields:
        assert DOI.fullmatch(fields["doi"]), "a doi is written as 10.…/…, without an address"


@every_entry
def test_entry_says_who_what_where_and_when(key: str) -> None:
    entry = ENTRIES[key]
    assert entry.persons.get("author") or entry.persons.get("editor")
    assert entry.fields["title"].strip()
    assert re.fullmatch(r"1[89]\d\d|20\d\d", entry.fields["year"])
    place = {"article": "journal", "inproceedings": "booktitle", "book": "publisher"}
    if needed := place.get(entry.type):
        assert entry.fields.get(needed), f"an entry of type {entry.type} has a {needed}"


@every_entry
def test_key_is_surname_year_word(key: str) -> None:
    assert re.fullmatch(r"[a-z]+\d{4}[a-z0-9]+", key)
    fields = ENTRIES[key].fields  # a reprint's key may carry the year that its note names
    assert re.search(r"\d{4}", key)[0] in fields["year"] + fields.get("note", "")


def test_no_work_is_listed_twice() -> None:
    titles = Counter(
        re.sub(r"[^a-z0-9]", "", entry.fields["title"].lower()) for entry in ENTRIES.values()
    )
    marks = Counter(mark for entry in ENTRIES.values() for mark in identifiers(entry.fields))
    assert [name for name, count in (titles + marks).items() if count > 1] == []


def test_what_is_cited_is_listed_and_what_is_listed_is_cited() -> None:
    assert cited() - set(ENTRIES) == set()
    assert set(ENTRIES) - cited() == set()


@pytest.mark.parametrize(
    ("fields", "count"),
    [
        ({"doi": "10.1162/neco.1997.9.8.1735"}, 1),
        ({"doi": "https://doi.org/10.1162/neco.1997.9.8.1735"}, 0),
        ({"archiveprefix": "arXiv", "eprint": "1706.03762"}, 1),
        ({"archiveprefix": "arXiv", "eprint": "1713.03762"}, 0),
        ({"eprint": "1706.03762"}, 0),
        ({"archiveprefix": "arXiv", "eprint": "cs/9901001"}, 1),
        ({"url": "https://aclanthology.org/P16-1162/"}, 1),
        ({"url": "https://aclanthology.org/2020.acl-main.703"}, 1),
        ({"url": "https://example.org/paper.pdf"}, 0),
    ],
)
def test_identifiers_are_recognised(fields: dict[str, str], count: int) -> None:
    assert len(identifiers(fields)) == count


@pytest.mark.parametrize(
    ("authors", "expected"),
    [
        ("Turing, Alan M.", "Turing, 1950"),
        ("Sennrich, Rico and Haddow, Barry", "Sennrich and Haddow, 1950"),
        ("A, B and C, D and E, F", "A et al., 1950"),
        ("van den Oord, {\\'A}aron and others", "van den Oord et al., 1950"),
    ],
)
def test_labels_are_author_and_year(authors: str, expected: str) -> None:
    from book_citations import label

    text = f"@misc{{k, author = {{{authors}}}, title = {{T}}, year = {{1950}}}}"
    assert label(database.parse_string(text, "bibtex").entries["k"]) == expected
