"""Which changes make a chapter stale, which touch only its words, which are not its business."""

from pathlib import Path

import nbformat
import pytest
from chapters import Chapter, chapters, orphans
from staleness import fingerprint, reached

HEADER = """---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---
"""
TEXT = """
# A chapter

Its first words.

```{code-cell} ipython3
:tags: [setup]

from llmbook import check, layers
```

More words.

```{code-cell} ipython3
print(check("one.double", layers.width))
```
"""
PACKAGE = {
    "__init__.py": '"""Docstring."""\n',
    "ops.py": "WIDTH = 4\n",
    "layers/__init__.py": "from llmbook.layers.cell import width\n",
    "layers/cell.py": "from llmbook import ops\nwidth = ops.WIDTH\n",
    "plot.py": "def draw():\n    from llmbook import colours\n",
    "colours.py": "RED = 1\n",
    "check/__init__.py": "from llmbook.check import core\n",
    "check/core.py": "import importlib\n",
    "check/one.py": "from llmbook import evaluate\n",
    "check/two.py": "",
    "evaluate.py": "",
    "zoo/__init__.py": "",
    "zoo/small.json": "{}",
    "zoo/small.safetensors": "weights",
    "zoo/large.json": "{}",
    "quiz.py": "",
    "quizzes/one.json": "[]",
    "quizzes/two.json": "[]",
    "__main__.py": "from llmbook import ops\n",
}


@pytest.fixture
def book(tmp_path):
    """A tiny book with a chapter that was executed and is up to date."""
    for name, text in PACKAGE.items():
        write(tmp_path / "code" / "llmbook" / name, text)
    chapter = Chapter(write(tmp_path / "chapters" / "part" / "one.md", HEADER + TEXT), tmp_path)
    pretend_to_execute(chapter)
    return chapter


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def pretend_to_execute(chapter: Chapter) -> None:
    """Store the notebook as a run of the chapter would."""
    notebook = chapter.paired()
    code = [c for c in notebook.cells if c.cell_type == "code"]
    for count, cell in enumerate(code, 1):
        cell.execution_count = count
        cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=f"output {count}\n")]
    notebook.metadata["llmbook"] = {"hash": chapter.fingerprint()}
    chapter.write(notebook)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def names(sources: list[str], book: Chapter) -> set[str]:
    package = book.root / "code" / "llmbook"
    return {p.relative_to(package).as_posix() for p in reached(sources, book.root)}


def test_data_that_a_module_names_is_reached_and_other_data_is_not(book):
    package = book.root / "code" / "llmbook"
    (package / "ops.py").write_text('LOG = Path(__file__).with_name("runs.json")\n')
    (package / "runs.json").write_text("{}")
    (package / "other.json").write_text("{}")
    files = {f.name for f in reached(["from llmbook import ops"], book.root)}
    assert "runs.json" in files
    assert "other.json" not in files


def test_an_executed_chapter_has_no_problem(book):
    assert book.problems() == []
    assert not book.is_stale()
    assert [c.name for c in chapters(book.root)] == ["chapters/part/one.md"]


def test_new_words_are_paired_and_not_executed(book):
    before = book.stored()
    edit(book.md, "first words", "second words")
    assert not book.is_stale()
    assert "text changed" in book.problems()[0].what
    assert book.write(book.paired())
    assert book.problems() == []
    after = book.stored()
    assert "second words" in after.cells[0].source
    assert [c.get("outputs") for c in after.cells] == [c.get("outputs") for c in before.cells]
    assert [c.id for c in after.cells] == [c.id for c in before.cells]
    assert not book.write(book.paired()), "pairing again must change nothing"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("print(", "repr("),
        ("\n```\n\nMore", "\nx = 1\n```\n\nMore"),
        ("# A chapter\n", "# A chapter\n\n```{code-cell} ipython3\nprint(1)\n```\n"),
    ],
)
def test_new_code_is_stale(book, old, new):
    edit(book.md, old, new)
    assert book.is_stale()
    assert "make run CHAPTER=chapters/part/one.md" in str(book.problems()[0])


def test_a_cell_that_is_gone_makes_the_rest_stale(book):
    edit(book.md, "from llmbook import check, layers", "")
    assert book.is_stale()


@pytest.mark.parametrize(
    "module",
    [
        "__init__.py",  # runs when any module is imported
        "layers/__init__.py",  # named by the chapter
        "layers/cell.py",  # imported by that
        "ops.py",  # imported by that, in turn
        "check/core.py",
        "check/one.py",  # found by the name in check("one.double", …)
        "evaluate.py",  # imported by the check alone
    ],
)
def test_a_change_in_what_it_uses_is_stale(book, module):
    write(book.root / "code" / "llmbook" / module, PACKAGE[module] + "\nCHANGED = True\n")
    assert book.is_stale()
    assert "make run" in str(book.problems()[0])


@pytest.mark.parametrize(
    "module", ["plot.py", "colours.py", "check/two.py", "zoo/small.json", "quizzes/one.json"]
)
def test_a_change_elsewhere_is_not_stale(book, module):
    write(book.root / "code" / "llmbook" / module, PACKAGE[module] + "\nCHANGED = True\n")
    assert book.problems() == []


def test_a_new_file_of_the_package_elsewhere_is_not_stale(book):
    write(book.root / "code" / "llmbook" / "news.py", "")
    assert not book.is_stale()


@pytest.mark.parametrize(
    ("source", "used", "unused"),
    [
        ("import llmbook.plot", {"plot.py", "colours.py"}, {"ops.py"}),
        ("import llmbook\nllmbook.plot.draw()", {"plot.py", "colours.py"}, {"ops.py"}),
        ("from llmbook import layers as l\nl.cell.width", {"layers/cell.py"}, {"plot.py"}),
        ("from llmbook.layers import *", {"layers/__init__.py", "ops.py"}, {"plot.py"}),
        ("def f():\n    from llmbook import plot", {"colours.py"}, {"ops.py"}),
        ("!python -m llmbook train x.txt", {"__main__.py", "ops.py"}, {"plot.py"}),
        ("%time from llmbook import ops\nfrom llmbook import plot", {"plot.py"}, {"quiz.py"}),
        ("from llmbook.quiz import quiz\nquiz('one')", {"quizzes/one.json"}, {"quizzes/two.json"}),
        (
            "from llmbook import zoo\nzoo.load('small')",
            {"zoo/small.json", "zoo/small.safetensors"},
            {"zoo/large.json"},
        ),
        # A name that is made at run time could be any.
        (
            "from llmbook import zoo\nzoo.load('small')\nzoo.load(name)",
            {"zoo/small.json", "zoo/large.json"},
            set(),
        ),
        ("from llmbook import zoo\nzoo.names()", {"zoo/small.json", "zoo/large.json"}, set()),
        ("import torch", set(), {"__init__.py"}),
        ("this is not Python", set(), {"__init__.py"}),
    ],
)
def test_what_code_reaches(book, source, used, unused):
    found = names([source], book)
    assert used <= found
    assert not unused & found


def test_line_ends_and_trailing_space_do_not_count(book):
    before = fingerprint(["from llmbook import ops\n"], book.root)
    file = book.root / "code" / "llmbook" / "ops.py"
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    assert fingerprint(["from llmbook import ops"], book.root) == before


def test_moving_code_between_cells_counts(book):
    one, two = ["a = 1\nb = 2"], ["a = 1", "b = 2"]
    assert fingerprint(one, book.root) != fingerprint(two, book.root)


def broken(book: Chapter, change) -> list[str]:
    """The problems of the chapter after `change(notebook)`."""
    notebook = book.stored()
    change(notebook, [c for c in notebook.cells if c.cell_type == "code"])
    nbformat.write(notebook, book.ipynb)
    found = book.problems()
    assert all(problem.mend for problem in found)
    return [problem.what for problem in found]


def test_a_cell_without_a_count_is_a_problem(book):
    def change(_, code):
        code[1].execution_count = None

    assert broken(book, change) == ["code cells [2] were not executed"]
    assert book.is_stale()


def test_an_error_is_a_problem(book):
    def change(_, code):
        code[0].outputs = [nbformat.v4.new_output("error", ename="E", evalue="", traceback=[])]

    assert broken(book, change) == ["code cells [1] ended in an error"]
    assert book.is_stale()


def test_an_announced_error_is_none(book):
    edit(book.md, "[setup]", "[setup, raises-exception]")
    book.write(book.paired())

    def change(_, code):
        code[0].outputs = [nbformat.v4.new_output("error", ename="E", evalue="", traceback=[])]

    assert broken(book, change) == []


def test_a_change_in_the_notebook_alone_is_a_problem(book):
    def change(notebook, _):
        notebook.cells[0].source += " edited here"

    assert len(broken(book, change)) == 1
    book.write(book.paired())
    assert "edited here" not in book.stored().cells[0].source


def test_a_missing_tag_is_a_problem(book):
    def change(_, code):
        code[0].metadata["tags"] = []

    assert len(broken(book, change)) == 1


@pytest.mark.parametrize(
    "path", ["/home/ada/book", "/tmp/ipykernel_7/1.py", "/Users/ada/x", r"C:\Users\ada"]
)
def test_a_path_of_a_machine_is_a_problem(book, path):
    def change(_, code):
        code[0].outputs = [nbformat.v4.new_output("stream", text=f"see {path}\n")]

    assert "names a path of one machine" in broken(book, change)[0]


def test_widgets_are_a_problem(book):
    def change(notebook, code):
        data = {"application/vnd.jupyter.widget-view+json": {}, "text/plain": ""}
        code[0].outputs = [nbformat.v4.new_output("display_data", data)]
        notebook.metadata["widgets"] = {}

    assert len(broken(book, change)) == 2


def test_a_large_notebook_is_a_problem(book):
    def change(_, code):
        code[0].outputs = [nbformat.v4.new_output("stream", text="x" * 500_001)]

    assert "bytes" in broken(book, change)[0]


def test_a_missing_notebook_is_a_problem(book):
    book.ipynb.unlink()
    assert "is missing" in book.problems()[0].what
    assert book.is_stale()


def test_a_notebook_without_text_is_a_problem(book):
    assert orphans(book.root) == []
    book.md.rename(book.md.with_name("renamed.md"))
    assert "git rm chapters/part/one.ipynb" in str(orphans(book.root)[0])


def test_the_notebook_holds_what_the_text_does_not(book):
    """The hash belongs to the run: it is stored, and the text never sees it."""
    stored = book.stored()
    assert stored.metadata["llmbook"]["hash"] == book.fingerprint()
    assert "hash" not in book.md.read_text(encoding="utf-8")
    assert "version" not in stored.metadata.get("language_info", {})
