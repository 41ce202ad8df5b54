"""Every exercise of every chapter: the stub fails its check, the solution passes.

A chapter's exercise needs only the chapter's cell tagged ``setup``. So that cell runs once, and
each cell tagged ``exercise`` or ``solution`` runs alone in a copy of what it left. Verdicts are
recorded by ``check`` itself; nothing is read from the output.
"""

from __future__ import annotations

import functools
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

import jupytext
import pytest

os.environ["MPLBACKEND"] = "Agg"  # before any chapter imports matplotlib

from llmbook import check
from llmbook import quiz as quizzes

ROOT = Path(__file__).resolve().parents[1]
AT_LEAST = 5  # exercises in a chapter
WITHOUT_EXERCISES = {"faq"}  # its answers are experiments; so it has no quiz either
_CHECKED = re.compile(r"""\bcheck\(\s*["']([\w.]+)["']""")
_QUIZ = re.compile(r"""\bquiz\(\s*["']([\w.]+)["']""")


@dataclass
class Chapter:
    """The cells of a chapter that concern its exercises."""

    slug: str
    setup: list[str] = field(default_factory=list)
    exercises: dict[str, str] = field(default_factory=dict)  # name of the check -> source
    solutions: dict[str, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    quiz: list[str] = field(default_factory=list)


def read(text: str, slug: str) -> Chapter:
    """The chapter in a MyST Markdown text, with everything that is wrong with its form."""
    notebook = jupytext.reads(text, fmt="md:myst")
    chapter = Chapter(slug)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell in code:
        tags = cell.metadata.get("tags", [])
        if "setup" in tags:
            chapter.setup.append(cell.source)
        for tag, cells in (("exercise", chapter.exercises), ("solution", chapter.solutions)):
            if tag in tags:
                _file(chapter, tag, cells, cell.source)
    _form(chapter, code)
    return chapter


def _file(chapter: Chapter, tag: str, cells: dict[str, str], source: str) -> None:
    """Put a cell under the name of its check."""
    names = _CHECKED.findall(source)
    if len(names) != 1:
        chapter.faults.append(f"a cell tagged {tag} must call check once, found {names}")
    for name in names[:1]:
        if name in cells:
            chapter.faults.append(f"{name} stands in two cells tagged {tag}")
        cells[name] = source


def _form(chapter: Chapter, code: list) -> None:
    """Add what is wrong with the chapter as a whole to its faults."""
    slug, faults = chapter.slug, chapter.faults
    if len(chapter.setup) != 1 or "setup" not in code[0].metadata.get("tags", []):
        faults.append(f"its first code cell alone is tagged setup (there are {len(chapter.setup)})")
    if set(chapter.exercises) != set(chapter.solutions):
        odd = sorted(set(chapter.exercises) ^ set(chapter.solutions))
        faults.append(f"without a pair of exercise and solution: {', '.join(odd)}")
    if slug not in WITHOUT_EXERCISES and len(chapter.exercises) < AT_LEAST:
        faults.append(f"has {len(chapter.exercises)} exercises, at least {AT_LEAST} are asked for")
    if foreign := [n for n in chapter.exercises if n.split(".")[0] != slug]:
        faults.append(f"exercises of another chapter: {', '.join(foreign)}")
    for cell in code:
        found = _QUIZ.findall(cell.source)
        chapter.quiz += found
        if found and "nbval-ignore-output" not in cell.metadata.get("tags", []):
            faults.append("the quiz's cell needs the tag nbval-ignore-output")
    if slug in WITHOUT_EXERCISES:
        if chapter.quiz:
            faults.append(f"has no quiz of its own, but calls {chapter.quiz}")
    elif chapter.quiz != [slug] or not _QUIZ.search(code[-1].source):
        faults.append(f'its last code cell must be quiz("{slug}"), once; found {chapter.quiz}')


def run(chapter: Chapter, source: str, name: str) -> list[check.Verdict]:
    """Run one cell alone in a copy of the set-up and return the verdicts that it got."""
    import torch

    namespace = dict(set_up(chapter.setup[0], chapter.slug))
    torch.manual_seed(0)
    with check.recording() as verdicts:
        exec(compile(source, f"<{name}>", "exec"), namespace)
    assert verdicts, f"the cell of {name} runs without reaching its check"
    return verdicts


@functools.cache
def set_up(source: str, slug: str) -> dict[str, object]:
    """What a chapter's set-up cell leaves behind; it runs once."""
    namespace: dict[str, object] = {"__name__": "__main__"}  # as in a notebook
    exec(compile(source, f"<setup of {slug}>", "exec"), namespace)
    return namespace


CHAPTERS = {
    path.stem: read(path.read_text("utf-8"), path.stem)
    for path in sorted((ROOT / "chapters").rglob("*.md"))
    if ".ipynb_checkpoints" not in path.parts
}
EXERCISES = [(slug, name) for slug, chapter in CHAPTERS.items() for name in chapter.exercises]
SOLUTIONS = [(slug, name) for slug, chapter in CHAPTERS.items() for name in chapter.solutions]


@pytest.mark.parametrize("slug", CHAPTERS)
def test_a_chapter_has_set_up_exercises_solutions_and_quiz(slug):
    assert CHAPTERS[slug].faults == []


@pytest.mark.parametrize("slug", CHAPTERS)
def test_every_registered_check_is_used(slug):
    assert set(check.names(slug)) == set(CHAPTERS[slug].exercises)


@pytest.mark.parametrize("slug", sorted(set(CHAPTERS) - WITHOUT_EXERCISES))
def test_the_quiz_is_there(slug):
    assert quizzes.load(slug)


@pytest.mark.parametrize(("slug", "name"), EXERCISES, ids=[name for _, name in EXERCISES])
def test_the_stub_runs_through_and_fails(slug, name):
    verdicts = run(CHAPTERS[slug], CHAPTERS[slug].exercises[name], name)
    assert [(v.name, v.passed) for v in verdicts] == [(name, False)], verdicts[0].text
    assert "asked:" in verdicts[0].text, verdicts[0].text


@pytest.mark.parametrize(("slug", "name"), SOLUTIONS, ids=[name for _, name in SOLUTIONS])
def test_the_solution_passes(slug, name):
    verdicts = run(CHAPTERS[slug], CHAPTERS[slug].solutions[name], name)
    assert [(v.name, v.passed) for v in verdicts] == [(name, True)], verdicts[0].text


# ---- the test itself, tested on made-up chapters ----

_PARTS = """---
jupytext:
  text_representation: {extension: .md, format_name: myst}
kernelspec: {display_name: Python 3, language: python, name: python3}
---

# A chapter

"""


def _cell(tags: str, source: str) -> str:
    return f"```{{code-cell}} ipython3\n:tags: [{tags}]\n\n{source}\n```\n\n"


def _made_up(*, setups: int = 1, exercises: int = 5, solutions: int = 5, last: str = "") -> str:
    text = _PARTS + _cell("setup", "from llmbook import check\nx = 1") * setups
    for i in range(exercises):
        text += _cell("exercise", f"def f():\n    ...\n\ncheck('made_up.e{i}', f)")
    for i in range(solutions):
        text += _cell("solution", f"def g():\n    return x\n\ncheck('made_up.e{i}', g)")
    return text + (last or _cell("nbval-ignore-output", 'quiz("made_up")'))


def test_a_well_formed_chapter_has_no_fault():
    chapter = read(_made_up(), "made_up")
    assert chapter.faults == []
    assert len(chapter.exercises) == len(chapter.solutions) == 5


def test_only_the_chapter_of_questions_goes_without_exercises_and_quiz():
    bare = _made_up(exercises=0, solutions=0, last=_cell("", "y = 2"))
    assert read(bare, "faq").faults == []
    assert len(read(bare, "made_up").faults) == 2  # too few exercises, no quiz
    assert read(_made_up(exercises=0, solutions=0), "faq").faults  # a quiz of another chapter


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (_made_up(setups=0), "setup"),
        (_made_up(setups=2), "setup"),
        (_made_up(exercises=4, solutions=4), "at least 5"),
        (_made_up(solutions=4), "made_up.e4"),
        (_made_up(exercises=6), "made_up.e5"),
        (_made_up(last=_cell("", "y = 2")), "last code cell"),
        (_made_up(last=_cell("", 'quiz("made_up")')), "nbval-ignore-output"),
        (_made_up(last=_cell("nbval-ignore-output", 'quiz("rnn")')), "last code cell"),
        (_made_up().replace("check('made_up.e1', f)", ""), "must call check once"),
        (_made_up().replace("'made_up.e1', f", "'made_up.e0', f"), "in two cells"),
        (_made_up().replace("made_up.e", "rnn.e"), "of another chapter"),
    ],
)
def test_each_fault_of_form_is_found(text, fault):
    faults = read(text, "made_up").faults
    assert any(fault in each for each in faults), faults


def test_verdicts_are_recorded_and_an_exercise_leaves_the_set_up_as_it_was():
    chapter = read(_made_up(), "made_up")
    source = "x = 2\ncheck('made_up.nothing', x)"
    assert [v.passed for v in run(chapter, source, "made_up.nothing")] == [False]
    assert set_up(chapter.setup[0], "made_up")["x"] == 1
    with pytest.raises(ZeroDivisionError):  # a stub that raises fails its test
        run(chapter, "1 / 0", "made_up.nothing")
