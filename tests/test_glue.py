"""A glued number reaches the page, and nothing else shows."""

import subprocess
import sys

import nbformat
import numpy as np
import pytest
import torch

from cells import run_cells
from llmbook.glue import PREFIX, bundle, glue, plain


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, 3),
        (0.1, 0.1),
        ("a: b", "a: b"),
        (True, True),
        (torch.tensor(2.5), 2.5),
        (torch.tensor([7]), 7),
        (np.float64(0.25), 0.25),
        (np.int64(4), 4),
    ],
)
def test_values_become_plain_python(value, expected):
    assert plain(value) == expected
    assert type(plain(value)) is type(expected)


@pytest.mark.parametrize("value", [None, [1.0], {"a": 1}, object()])
def test_other_types_are_refused_by_name(value):
    with pytest.raises(TypeError, match=type(value).__name__):
        plain(value)


def test_an_array_of_several_numbers_is_refused():
    with pytest.raises(ValueError, match=r"\(2, 3\)"):
        plain(torch.zeros(2, 3))


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a`b", "<a>", 3])
def test_names_that_the_role_cannot_read_are_refused(name):
    with pytest.raises(ValueError, match="a glued name"):
        bundle(name, 1.0)


def test_it_is_silent_outside_a_notebook(capsys):
    glue("x", 1.0)
    assert capsys.readouterr().out == ""


def test_the_bundle_is_what_myst_nb_extracts():
    myst_nb_glue = pytest.importorskip("myst_nb.ext.glue")
    data, metadata = bundle("x", 1.5)
    assert all(mime.startswith(PREFIX) for mime in data)
    output = nbformat.v4.new_output("display_data", data=data, metadata=metadata)
    cell = nbformat.v4.new_code_cell("", outputs=[output])
    [(name, found)] = myst_nb_glue.extract_glue_data_cell(cell)
    assert (name, found["data"]["text/plain"]) == ("x", "1.5")
    assert cell.outputs == []  # nothing left to show


def test_the_page_shows_the_formatted_value(tmp_path):
    pytest.importorskip("myst_nb")
    notebook = run_cells(
        "from llmbook.glue import glue\n"
        "glue('loss', 2.80449)\nglue('name', 'GPT')\nglue('bad', float('nan'))\nglue('n', 1234567)",
        "glue('seen', 5, display=True)",
        cwd=tmp_path,
    )
    assert [out.output_type for out in notebook.cells[0].outputs] == ["display_data"] * 4
    text = (
        "loss {glue:text}`loss:.3f`; name {glue:text}`name`; bad {glue:text}`bad:.1f`; "
        "n {glue:text}`n:,d`; seen {glue:text}`seen`."
    )
    notebook.cells.insert(0, nbformat.v4.new_markdown_cell("# Page\n\n" + text))
    nbformat.write(notebook, tmp_path / "index.ipynb")
    (tmp_path / "conf.py").write_text("extensions = ['myst_nb']\nnb_execution_mode = 'off'\n")
    build = [sys.executable, "-m", "sphinx", "-W", "-q", "-b", "text", ".", "out"]
    done = subprocess.run(build, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    page = " ".join((tmp_path / "out" / "index.txt").read_text("utf-8").split())
    assert "loss 2.804; name GPT; bad nan; n 1,234,567; seen 5." in page
