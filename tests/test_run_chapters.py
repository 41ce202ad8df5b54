"""`make run` on tiny books: what it executes, what it stores, what it leaves alone."""

import os

import pytest
import run_chapters
from chapters import Chapter
from run_chapters import execute, main, select

from test_staleness import HEADER, edit, pretend_to_execute, write

TEXT = """
# A chapter

```{code-cell} ipython3
import os
from llmbook import ops
print(ops.WIDTH, os.environ["LLMBOOK_SCALE"], os.environ.get("LLMBOOK_ONLINE"))
```

Words.

```{code-cell} ipython3
ops.WIDTH + 1
```
"""
SLOW = pytest.mark.slow  # each of these starts kernels


@pytest.fixture
def book(tmp_path, monkeypatch):
    """A book of one chapter that was never executed, as if it were this repository."""
    write(tmp_path / "code" / "llmbook" / "__init__.py", "")
    write(tmp_path / "code" / "llmbook" / "ops.py", "WIDTH = 4\n")
    chapter = Chapter(write(tmp_path / "chapters" / "part" / "one.md", HEADER + TEXT), tmp_path)
    monkeypatch.setattr(run_chapters, "chapters", lambda root: run_chapters_of(tmp_path))
    return chapter


def run_chapters_of(root):
    return [Chapter(md, root) for md in sorted((root / "chapters").rglob("*.md"))]


def outputs(chapter: Chapter) -> list[str]:
    code = [c for c in chapter.stored().cells if c.cell_type == "code"]
    return [o.get("text") or o["data"]["text/plain"] for c in code for o in c.outputs]


@SLOW
def test_a_run_stores_outputs_and_a_second_has_nothing_to_do(book, capsys, monkeypatch):
    monkeypatch.setenv("LLMBOOK_SCALE", "full")  # of the reader's shell: not for stored outputs
    monkeypatch.setenv("LLMBOOK_ONLINE", "1")
    assert main([]) == 0
    assert outputs(book) == ["4 laptop None\n", "5"]
    assert book.problems() == []
    assert "chapters/part/one.md" in capsys.readouterr().out
    before = book.ipynb.read_bytes()
    assert main([]) == 0
    assert "none stale" in capsys.readouterr().out
    assert main(["--force"]) == 0
    assert book.ipynb.read_bytes() == before, "the same code must give the same file, byte by byte"


@SLOW
def test_a_change_in_the_package_runs_the_chapter_again(book):
    assert main([]) == 0
    edit(book.root / "code" / "llmbook" / "ops.py", "4", "7")
    assert main([]) == 0
    assert outputs(book)[1] == "8"


@SLOW
def test_a_failing_cell_is_shown_and_the_old_notebook_kept(book, capsys):
    assert main([]) == 0
    before = book.ipynb.read_bytes()
    edit(book.md, "ops.WIDTH + 1", "ops.WIDTH / 0")
    assert main([]) == 1
    said = capsys.readouterr().out
    assert "code cell 2 of 2" in said
    assert "ops.WIDTH / 0" in said
    assert "ZeroDivisionError" in said
    assert book.ipynb.read_bytes() == before
    assert set(os.listdir(book.ipynb.parent)) == {"one.ipynb", "one.md"}
    edit(book.md, "ops.WIDTH / 0", "ops.WIDTH + 2")
    assert main([]) == 0
    assert outputs(book)[1] == "6"


@SLOW
def test_one_broken_chapter_does_not_stop_the_others(book, capsys):
    other = Chapter(write(book.md.with_name("two.md"), book.md.read_text("utf-8")), book.root)
    edit(book.md, "ops.WIDTH + 1", "import os; os._exit(3)")
    assert main([]) == 1
    assert "kernel died in code cell 2" in capsys.readouterr().out
    assert not book.ipynb.exists()
    assert other.problems() == []


@SLOW
def test_an_edit_during_the_run_leaves_the_chapter_stale(book, monkeypatch):
    """The stored hash is that of the code that ran, not of the code that is there afterwards."""
    monkeypatch.setenv("PYTHONPATH", str(book.root / "code"))  # for the kernel, as main sets it

    def meddle(number: int, total: int) -> None:
        if number == 2:  # the first cell has imported it
            edit(book.root / "code" / "llmbook" / "ops.py", "WIDTH = ", "WIDTH = 1")

    assert execute(book, meddle).error == ""
    assert book.is_stale()


def test_words_alone_start_no_kernel(book, capsys, monkeypatch):
    pretend_to_execute(book)
    monkeypatch.setattr(run_chapters, "run", lambda todo: pytest.fail("executed"))
    edit(book.md, "Words.", "Other words.")
    assert main([]) == 0
    assert "only its words changed" in capsys.readouterr().out
    assert book.problems() == []


def test_writing_is_all_or_nothing(book, monkeypatch):
    """A full disk while the notebook is written costs the new notebook, never the old one."""
    pretend_to_execute(book)
    before = book.ipynb.read_bytes()
    edit(book.md, "Words.", "Other words.")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        book.write(book.paired())
    assert book.ipynb.read_bytes() == before
    assert {p.name for p in book.ipynb.parent.iterdir()} == {"one.md", "one.ipynb"}


@pytest.mark.parametrize(
    "path",
    [
        "one",
        "part/one",
        "chapters/part/one.md",
        "chapters/part/one.ipynb",
        "chapters/part",
        "chapters/part/",
        "chapters",
    ],
)
def test_a_chapter_is_named_as_people_name_it(book, path):
    assert select([path, "one"], book.root) == [book]


def test_an_unknown_chapter_is_told_with_the_known_ones(book, capsys):
    assert main(["three"]) == 2
    said = capsys.readouterr().err
    assert "'three'" in said
    assert "chapters/part/one.md" in said
