"""The Colab edition: what its notebooks say, and what they never hold."""

from __future__ import annotations

import importlib.util
import json
import random
import re
import shutil
import sys
from html import escape as html_escape
from pathlib import Path

import jupytext
import nbformat
import pytest
from colab_environment import Environment, SetupError, name_of
from colab_notebook import ExportError, extras, install_source
from colab_text import code_span, display_math, escape, fence, guard_line_starts, pipe_table
from export_colab import export
from markdown_it import MarkdownIt
from repository import Repository

ROOT = Path(__file__).resolve().parents[1]
TRIAL = ROOT / "tests" / "trial_book"
SITE = "https://ada.github.io/book/"
TURING = "[Turing, 1950](https://doi.org/10.1093/mind/LIX.236.433)"
MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def glued(name: str, text: str) -> nbformat.NotebookNode:
    """The output that `glue` leaves."""
    prefix = "application/papermill.record/"
    metadata = {"scrapbook": {"name": name, "mime_prefix": prefix}}
    return nbformat.v4.new_output("display_data", {f"{prefix}text/plain": text}, metadata=metadata)


OUTPUTS = {  # by the beginning of the cell
    "1 + 1": [nbformat.v4.new_output("execute_result", {"text/plain": "2"}, execution_count=1)],
    'glue("trial_loss"': [glued("trial_loss", "1.23456"), glued("trial_word", "'cat'")],
    "%%time": [nbformat.v4.new_output("stream", name="stdout", text="Wall time: 1 µs\n\x1b[0m")],
}


def make_book(folder: Path) -> Path:
    """The trial book under the real one's settings, with outputs as if it had been executed."""
    shutil.copytree(TRIAL, folder)
    for name in ("extensions", "theme"):
        shutil.copytree(ROOT / "book" / name, folder / "book" / name)
    shutil.copy(ROOT / "_config.yml", folder)
    for markdown in (folder / "chapters").rglob("*.md"):
        store(markdown)
    return folder


def store(markdown: Path) -> None:
    """Write a chapter's pair with outputs, counts and ids that do not change."""
    notebook = jupytext.read(markdown)
    for index, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{index}"
        if cell["cell_type"] == "code":
            cell["execution_count"] = index + 1
            found = (outputs for key, outputs in OUTPUTS.items() if cell.source.startswith(key))
            cell["outputs"] = next(found, [])
    nbformat.write(notebook, markdown.with_suffix(".ipynb"))


@pytest.fixture(scope="module")
def book(tmp_path_factory) -> Path:
    return make_book(tmp_path_factory.mktemp("trial") / "book")


@pytest.fixture(scope="module")
def editions(book, tmp_path_factory) -> dict[str, nbformat.NotebookNode]:
    """The chapter of all constructs, with the repository's address and without."""
    folder = tmp_path_factory.mktemp("editions")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("BOOK_REPOSITORY", raising=False)
        patch.delenv("GITHUB_REPOSITORY", raising=False)
        export(folder / "linked", "ada/book", book)
        export(folder / "bare", None, book)
    return {
        name: nbformat.read(folder / name / "trial" / "constructs.ipynb", as_version=4)
        for name in ("linked", "bare")
    }


def prose(notebook: nbformat.NotebookNode) -> str:
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


HERE = f"{SITE}chapters/trial/constructs.html"
PAPERS = f"{SITE}book/bibliography.html#"

LINKED = {
    "title": "# Every *construct*, 2 \\* 3 = 6\n\n*[The page of this chapter](" + HERE,
    "marks": "A head with **bold**, *italic*, `code`, ``a ` tick``, $x_i < y$, a price of \\$5",
    "entities": "an entity &amp;amp;, C:\\new and 1\\~2\\~3.<br />\nA hard break.",
    "small roles": "<sub>low</sub> <sup>high</sup> `Ctrl`. RNN (recurrent neural network).",
    "outside link": "[Out](https://example.org/a_%28b%29)",
    "ref": f"See [Maths]({HERE}#sec-maths)",
    "ref elsewhere": f"[the first]({SITE}chapters/trial/first.html#first-chapter)",
    "doc": f"[The first chapter]({SITE}chapters/trial/first.html)",
    "Markdown link": f"[another chapter]({SITE}chapters/trial/first.html)",
    "anchor link": f"[a place]({HERE}#sec-maths)",
    "term": f"[perplexity]({SITE}book/glossary.html#term-perplexity)",
    "equation": "$$\np_i = \\frac{e^{x_i}}{\\sum_j e^{x_j}}\n\\tag{2.1}\n$$",
    "eq": f"[(2.1)]({HERE}#equation-eq-softmax)",
    "eq elsewhere": f"[(1.1)]({SITE}chapters/trial/first.html#equation-eq-first)",
    "numref": f"[Fig. 2.1]({HERE}#fig-drawing)",
    "formula with a tag's look": "c &< d \\end{aligned}",
    "amsmath": "$$\n\\begin{aligned}\nu &= v \\\\\nw &= |x|\n\\end{aligned}\n$$",
    "cite:t": "As Vaswani *et al.* ([2017](" + PAPERS,
    "cite:p": "others ([Turing, 1950](" + PAPERS,
    "glue": "The loss is 1.23 nats, the\nword cat.",
    "footnote mark": "A note<sup>1</sup> and another<sup>2</sup>.",
    "footnotes": "<sup>1</sup> The first *footnote*.\n\n<sup>2</sup> The second, with $x$.",
    "lists": "- one\n- two\n  - deep\n  - deeper\n    with a second line\n\n<!-- -->\n\n- another",
    "numbers": "3. three\n\n4. four\n\n   with a paragraph",
    "definitions": "- **perplexity**: what it is, with `code`\n\n- **loss**: its logarithm",
    "quotation": "> A quotation\n> of two lines.",
    "note": "> **Note**\n>\n> A note with $x$ and\n>\n> - a list",
    "admonition": "> **A title with *marks***\n>\n> Inside.\n>\n> ```python\n> def f(",
    "folded admonition": "<details>\n<summary>Warning</summary>\n\nFolded.\n\n</details>",
    "tabs": "**Left**\n\nLeft text.\n\n**Right**\n\nRight text.",
    "dropdown": "<summary>More of it</summary>\n\nHidden text.",
    "card": "**A card**\n\nIn the card.",
    "table": "| :--- | ---: | :---: |\n| $\\vert x\\vert $ | a \\| b | `x` |",
    "numbered table": "**Table 2.1. Sizes of things**\n\n| a | b |",
    "list table": "| - one<br>- two | text |",
    "figure": "![A line in a box](data:image/svg+xml;base64,",
    "caption": "**Fig. 2.1.** A caption with *marks* and Turing ([1950](" + PAPERS,
    "image in HTML": '<img src="data:image/svg+xml;base64,',
    "listing": "**Listing 2.1.** A caption\n\n```bash\nmake `book`\n```",
    "shown MyST": "````markdown\n```{note}\nshown as it is\n```\n````",
    "exercise": "### Exercise 2.1 (A *gate*)\n\nWrite a gate $\\sigma(x)$",
    "ref to exercise": f"Recall [Exercise 2.1]({HERE}#gate): the gate",
    "solution's text": "<details>\n<summary>Solution</summary>\n\nRecall",
    "plain exercise": "### Exercise 2.2\n\nBy hand.",
    "plain solution": "<summary>Solution</summary>\n\nWith the head.",
    "references": f"## References\n\n- {TURING}: Alan",
    "arXiv": "- [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762): Ashish",
}

BARE = {
    "references as text": "See Maths, the first, The first chapter, another chapter,\na place",
    "numbers": "(2.1), (1.1),\nFig. 2.1, Table 2.1.",
    "citation": f"others ({TURING})",
    "no page": "# Every *construct*, 2 \\* 3 = 6\n\n*The cell below looks for the book's package.*",
    "exercise": "Recall Exercise 2.1: the gate",
}


@pytest.mark.parametrize("construct", LINKED)
def test_each_construct_reads_as_plain_markdown(editions, construct):
    assert LINKED[construct] in prose(editions["linked"])


@pytest.mark.parametrize("construct", BARE)
def test_without_an_address_references_are_text(editions, construct):
    assert BARE[construct] in prose(editions["bare"])


def outside_code(source: str) -> str:
    """Markdown with its code taken out by a parser, not by the exporter's own idea of code."""
    lines = source.split("\n")
    for token in MARKDOWN.parse(source):
        if token.type in {"fence", "code_block"} and token.map:
            lines[slice(*token.map)] = [""] * (token.map[1] - token.map[0])
    return re.sub(r"(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)", "", "\n".join(lines), flags=re.DOTALL)


@pytest.mark.parametrize("edition", ["linked", "bare"])
def test_no_myst_is_left(editions, edition):
    for cell in editions[edition].cells:
        if cell.cell_type == "markdown":
            text = outside_code(cell.source)
            for pattern in (r"\{[\w:+.-]+\}`", r"^[ >]*(:::|`{3,}\{)", r"^\([^)\n]+\)=\s*$", r"^%"):
                assert not re.search(pattern, text, re.MULTILINE), (pattern, text)
            assert "book:" not in text


@pytest.mark.parametrize("edition", ["linked", "bare"])
def test_the_notebook_is_valid_and_free_of_jupytexts_metadata(editions, edition):
    notebook = editions[edition]
    nbformat.validate(notebook)
    assert len({cell["id"] for cell in notebook.cells}) == len(notebook.cells)
    assert set(notebook.metadata) <= {"colab", "kernelspec", "language_info"}


def test_code_and_outputs_are_the_stored_ones(book, editions):
    stored = nbformat.read(book / "chapters" / "trial" / "constructs.ipynb", as_version=4)
    before = [cell for cell in stored.cells if cell.cell_type == "code"]
    after = [cell for cell in editions["linked"].cells if cell.cell_type == "code"][1:]
    assert len(before) == len(after)
    for old, new in zip(before, after, strict=True):
        assert json.dumps(old["outputs"]) == json.dumps(new["outputs"])
        assert old["execution_count"] == new["execution_count"]
        assert old["id"] == new["id"]
        title = "#@title Solution\n" if "solution" in old.metadata.get("tags", []) else ""
        assert new.source.replace(title, "", 1) == old.source


def test_solutions_are_folded_and_nothing_else_shows_a_form(editions):
    cells = [cell for cell in editions["linked"].cells if cell.cell_type == "code"]
    solutions = [cell for cell in cells if "#@title Solution" in cell.source]
    assert [cell.source.splitlines()[0] for cell in solutions] == ["#@title Solution", "%%time"]
    for cell in cells:
        tags = set(cell.metadata.get("tags", []))
        folded = bool(tags & {"solution", "remove-cell"})
        assert (cell.metadata.get("cellView") == "form") == folded
        assert cell.metadata.get("jupyter", {}).get("source_hidden", False) == folded


def test_a_cell_that_the_site_leaves_out_still_runs_in_its_place(editions):
    sources = [cell.source for cell in editions["linked"].cells]
    position = sources.index("needed_later = 1")
    assert sources[position - 1].startswith('glue("trial_loss"')


def test_the_title_stands_first_and_then_the_cell_that_installs(editions):
    title, install, *_ = editions["linked"].cells
    assert title.source.startswith("# Every *construct*")
    packages = " ".join(f'"{extra.partition("==")[0]}"' for extra in extras(ROOT))
    assert install.source.splitlines() == [
        "try:",
        "    import llmbook",
        "except ModuleNotFoundError:",
        f'    %pip install -q --no-deps "git+https://github.com/ada/book.git" {packages}',
    ]
    assert install.metadata["tags"] == ["nbval-ignore-output"]
    assert "jupyterquiz" in packages


def test_without_an_address_nothing_is_named_to_install_from(editions, monkeypatch):
    source = editions["bare"].cells[1].source
    assert not re.search(r"https?:|git\+|%pip install [^F]*llmbook", source)
    monkeypatch.setitem(sys.modules, "llmbook", object())
    exec(source, {})  # importable: silence
    monkeypatch.setitem(sys.modules, "llmbook", None)
    with pytest.raises(ModuleNotFoundError, match="BOOK_REPOSITORY=owner/name"):
        exec(source, {})


def test_extras_are_pinned_as_the_lock_pins_them(tmp_path):
    names = extras(tmp_path)
    assert "jupyterquiz" in names
    pins = [f"{name}==1.{i}" for i, name in enumerate(names)]
    lock = "".join(f"{pin.title()} \\\n    --hash=sha256:0\n" for pin in pins)  # any case
    (tmp_path / "requirements.lock").write_text(lock)
    assert extras(tmp_path) == pins
    (tmp_path / "requirements.lock").write_text("torch==2.13.0\n")
    with pytest.raises(ExportError, match=r"jupyterquiz.*requirements.lock does not pin"):
        extras(tmp_path)


def test_the_install_cell_takes_any_git_address():
    source = install_source(Repository.parse("file:///some/book"), ["a==1"])
    assert '%pip install -q --no-deps "git+file:///some/book" "a==1"' in source


def test_exporting_twice_writes_the_same_bytes(book, tmp_path):
    first, second = (
        export(tmp_path / "1", "ada/book", book),
        export(tmp_path / "2", "ada/book", book),
    )
    assert [path.relative_to(tmp_path / "1").as_posix() for path in first] == [
        "trial/constructs.ipynb",
        "trial/first.ipynb",
    ]
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()


# Each fault with a word that its message must hold. What Sphinx itself refuses comes together, and
# what only this edition refuses: whoever writes a chapter mends them in one go.
FAULTS = {
    "Sphinx": {
        "```{nonsense}\n```": "nonsense",
        "A {gibberish}`x`.": "gibberish",
        "See {ref}`no-label`.": "no-label",
        "See {eq}`no-equation`.": "no-equation",
        "See {cite:p}`nobody1900nothing`.": "nobody1900nothing",
        "It is {glue:text}`no_number:.2f`.": "no_number",
        "![a](no-picture.svg)": "no-picture.svg",
        "See [it](no-page.md).": "no-page.md",
    },
    "Colab": {
        "```{py:function} f(x)\n:no-index:\n```": "'desc'",
        '<img src="no-html-picture.svg" alt="a">': "no-html-picture.svg",
    },
}


@pytest.mark.parametrize("who", FAULTS)
def test_what_cannot_be_said_is_an_error_with_chapter_and_line(book, tmp_path, who):
    broken = tmp_path / "book"
    shutil.copytree(book, broken)
    chapter = broken / "chapters" / "trial" / "first.md"
    lines = chapter.read_text(encoding="utf-8").split("\n")
    start = lines.index("$$ a = b $$ (eq-first)") + 2
    for fault in reversed(FAULTS[who]):
        lines[start:start] = [*fault.split("\n"), ""]
    chapter.write_text("\n".join(lines), encoding="utf-8")
    store(chapter)
    kept = tmp_path / "out" / "trial" / "first.ipynb"
    kept.parent.mkdir(parents=True)
    kept.write_text("what was there")
    with pytest.raises(ExportError) as error:
        export(tmp_path / "out", "ada/book", broken)
    said = str(error.value)
    for fault, words in FAULTS[who].items():
        line = lines.index(fault.split("\n")[0]) + 1
        places = [int(n) for n in re.findall(rf"first\.md:(\d+): .*{re.escape(words)}", said)]
        assert set(places) == {line}, (fault, line, said)
    assert kept.read_text() == "what was there"


def test_a_chapter_without_a_title_is_refused(book, tmp_path):
    broken = tmp_path / "book"
    shutil.copytree(book, broken)
    path = broken / "chapters" / "trial" / "first.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[
        0
    ].source = "No title.\n\n(first-chapter)=\n## A section\n\n$$ a = b $$ (eq-first)"
    nbformat.write(notebook, path)
    with pytest.raises(ExportError, match="first"):
        export(tmp_path / "out", "ada/book", broken)


def random_texts(count: int, alphabet: str) -> list[str]:
    rng = random.Random(0)
    return ["".join(rng.choices(alphabet, k=rng.randint(1, 12))) for _ in range(count)]


def rendered(markdown: str) -> str:
    return MARKDOWN.render(markdown).strip()


def test_escaped_text_reads_as_it_was():
    for text in random_texts(4_000, 'ab 12_*`[]()<>!&;#$~|\\-+=.:/"\nä中'):
        lines = [" ".join(line.split()) for line in text.split("\n")]
        text = "\n".join(line for line in lines if line)
        if text:
            markdown = guard_line_starts(escape(text))
            wanted = html_escape(text, quote=False).replace('"', "&quot;")
            assert rendered(markdown) == f"<p>{wanted}</p>", (text, markdown)
            assert not re.search(r"(?<!\\)\$", markdown), "a dollar that would open a formula"


def test_code_reads_as_it_was():
    for code in random_texts(2_000, "a b`*<\\$"):
        if code.strip():
            wanted = html_escape(code, quote=False)
            assert rendered(f"x{code_span(code)}x") == f"<p>x<code>{wanted}</code>x</p>", code
            assert rendered(fence(code, "py")).startswith(
                f'<pre><code class="language-py">{wanted}'
            ), code


def test_every_row_of_a_table_keeps_its_cells():
    for text in random_texts(500, "a|\\` $"):
        cell = escape(text.strip()) or "x"
        table = pipe_table([["h", "h"], [cell, "last"]], [], has_head=True)
        html = rendered(table)
        assert html.count("<td>") == 2, (text, table)
        assert "<td>last</td>" in html


@pytest.mark.parametrize(
    ("latex", "wanted"),
    [
        ("a = b", "$$\na = b\n$$"),
        ("\na\n=\nb\n", "$$\na =\nb\n$$"),  # a lone = would make a heading of what is above
        (r"a \\ b", "$$\n\\begin{gathered}a \\\\ b\\end{gathered}\n$$"),
        (r"\begin{align}a&=b\end{align}", "$$\n\\begin{aligned}a&=b\\end{aligned}\n$$"),
        (r"\begin{equation}a\end{equation}", "$$\na\n$$"),
    ],
)
def test_formulas_that_mathjax_and_katex_both_read(latex, wanted):
    assert display_math(latex, None) == wanted
    assert display_math(latex, "1.2") == wanted.replace("\n$$", "\n\\tag{1.2}\n$$")


@pytest.fixture(scope="module")
def runner():
    """The script behind `make test-colab` (this file bears its name)."""
    path = ROOT / "book" / "tools" / "test_colab.py"
    spec = importlib.util.spec_from_file_location("run_colab", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_chapters_are_found_by_any_name_that_means_one(runner):
    names = ["architectures/rnn", "foundations/rnn_history", "foundations/background"]
    assert runner.chosen([], names) == names
    for name in ("rnn", "architectures/rnn", "chapters/architectures/rnn.md"):
        assert runner.chosen([name], names) == ["architectures/rnn"]
    with pytest.raises(SetupError, match=r"'lstm'.*architectures/rnn"):
        runner.chosen(["lstm"], names)


def test_a_failure_names_its_cell(runner, tmp_path, monkeypatch):
    here = Environment(tmp_path)
    here.python = Path(sys.executable)
    monkeypatch.setenv("JUPYTER_PATH", str(here.write_kernel(tmp_path / "jupyter")))
    cells = ["import os", "assert os.listdir() == ['alone.ipynb']", "x = 1\n1 / 0", "never = 1"]
    for stop, fault in ((2, None), (4, "cell 3 (`x = 1`): ZeroDivisionError: division by zero")):
        folder = tmp_path / str(stop)
        folder.mkdir()
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(source) for source in cells[:stop]]
        )
        nbformat.write(notebook, folder / "alone.ipynb")
        assert runner.run_notebook(folder / "alone.ipynb", folder) == fault


@pytest.mark.parametrize(
    ("requirement", "name"),
    [("torch==2.11.0", "torch"), ("Jupyter_Client>=7", "jupyter-client"), ("nltk", "nltk")],
)
def test_names_of_requirements(requirement, name):
    assert name_of(requirement) == name
