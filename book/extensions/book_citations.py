"""Citations by author and year, in the text as in the list: [Vaswani et al., 2017].

The list links each entry to its DOI, its arXiv page or its ACL Anthology page.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import sphinxcontrib.bibtex.plugin
from pybtex.style.formatting.plain import Style as PlainStyle
from pybtex.style.labels import BaseLabelStyle
from sphinx.application import Sphinx
from sphinxcontrib.bibtex.style.referencing import BracketStyle
from sphinxcontrib.bibtex.style.referencing.author_year import AuthorYearReferenceStyle


def _surname(person: Any) -> str:
    return " ".join([*person.prelast_names, *person.last_names]).replace("{", "").replace("}", "")


def label(entry: Any) -> str:
    """`Turing, 1950`, `Sennrich and Haddow, 2016` or `Vaswani et al., 2017`."""
    people = entry.persons.get("author") or entry.persons.get("editor") or []
    names = [_surname(person) for person in people] or [entry.key]
    if names[-1] == "others" or len(names) > 2:
        who = f"{names[0]} et al."
    else:
        who = " and ".join(names)
    return f"{who}, {entry.fields.get('year', 'no year')}"


class AuthorYearLabels(BaseLabelStyle):
    """Labels of the list; the second of two equal ones gets a `b`, the first an `a`."""

    def format_labels(self, sorted_entries: list[Any]) -> Any:
        """Yield the entries' labels in their order."""
        labels = [label(entry) for entry in sorted_entries]
        for index, text in enumerate(labels):
            twins = labels.count(text) > 1
            yield text + chr(ord("a") + labels[:index].count(text)) if twins else text


class BookStyle(PlainStyle):
    """Pybtex's plain style (sorted by author, year, title) with author-year labels."""

    default_label_style = AuthorYearLabels


@dataclass
class RoundBrackets(AuthorYearReferenceStyle):
    """`(Vaswani et al., 2017)` and `Vaswani et al. (2017)`."""

    bracket_parenthetical: BracketStyle = field(default_factory=lambda: BracketStyle("(", ")"))
    bracket_textual: BracketStyle = field(default_factory=lambda: BracketStyle("(", ")"))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the styles as `book` (list) and `book_author_year` (in the text)."""
    from pybtex.plugin import register_plugin

    register_plugin("pybtex.style.formatting", "book", BookStyle)
    sphinxcontrib.bibtex.plugin.register_plugin(
        "sphinxcontrib.bibtex.style.referencing", "book_author_year", RoundBrackets
    )
    return {"parallel_read_safe": True, "parallel_write_safe": True}
