"""`python -m llmbook ask`: a question to Python's documentation, or to your own texts."""

import argparse
import textwrap
from pathlib import Path

from llmbook.shell import Command, UserError, whole


def add(command: Command) -> None:
    """The command and its options."""
    sub = command(ask, question="what you want to know, in quotation marks")
    sub.add_argument("--folder", help="search its .txt, .md and .rst files (default: pydocs)")
    sub.add_argument("--top", type=whole, default=3, help="passages to show (%(default)s)")


def ask(options: argparse.Namespace) -> None:
    """Answer a question with a sentence of the best passage and its source.

    Says "I do not know" where nothing fits, and shows what came nearest. That is an answer, too:
    the exit status is 0, as always unless what was given cannot be searched (2).
    """
    if not options.question.strip():
        raise UserError('the question is empty; ask in at least one word: ask "What is a tuple?"')
    print(text(_library(options.folder).ask(options.question, options.top)))


def _library(folder: str | None):
    """The passages to search: those of a folder, or of Python's own documentation."""
    from llmbook.retrieval import answer, folder as own  # noqa: I001
    from llmbook.corpora import pydocs

    if folder is None:
        passages = [answer.Passage(p.text, f"help({p.topic!r})") for p in pydocs.paragraphs()]
        background = []
    else:
        passages = own.passages(Path(folder))
        background = [p.text for p in pydocs.paragraphs()]  # which English words are common
    try:
        return answer.Library(passages, background=background)
    except ModuleNotFoundError as error:  # bm25s, which not every installation has
        raise UserError(f"{error}.") from error


def text(found) -> str:
    """What is printed: the answer and its source, then the passages that came first."""
    if found.text is None:
        head = "I do not know. Nothing here fits well enough; this came nearest:"
    else:
        head = f"{textwrap.fill(found.text, 88)}\n    from {found.source}\n\nThe passages:"
    lines = [head]
    for number, passage in enumerate(found.passages, 1):
        short = textwrap.shorten(passage.text, 240, placeholder=" …")
        body = textwrap.fill(short, 88, initial_indent="   ", subsequent_indent="   ")
        lines.append(f"{number}. {passage.source}\n{body}")
    return "\n".join(lines)
