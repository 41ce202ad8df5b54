"""``show`` lists the source that runs, and only that."""

import ast
import inspect
import json
import textwrap

import pytest

from cells import run_cells
from llmbook import glue
from llmbook.show import fence, listing, show
from llmbook.text import CharVocab, Vocab, WordVocab


def test_a_listing_is_the_source_under_its_modules_name():
    head, _, body = listing(glue.plain).partition("\n")
    assert head == "# llmbook.glue"
    assert body == inspect.getsource(glue.plain).strip()


def test_a_method_is_dedented_and_named_with_its_class():
    head, _, body = listing(WordVocab.join).partition("\n")
    assert head == "# llmbook.text.vocab.WordVocab"
    assert body == textwrap.dedent(inspect.getsource(WordVocab.join)).strip()


@pytest.mark.parametrize("obj", [glue, glue.plain, Vocab, CharVocab, WordVocab.from_text, listing])
def test_without_docstrings_the_same_code_remains(obj):
    """The listing parses, and compares equal to the source but for the docstrings."""
    bare = ast.parse(listing(obj, docstring=False))
    full = ast.parse(listing(obj))
    for node in ast.walk(full):
        documented = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        if documented and ast.get_docstring(node) and len(node.body) > 1:
            del node.body[0]
    assert ast.dump(bare) == ast.dump(full)
    assert '"""' not in listing(glue.plain, docstring=False)


def test_only_the_methods_asked_for():
    text = listing(Vocab, methods=["__len__", "decode"], docstring=False)
    [tree] = ast.parse(text).body
    assert [n.name for n in tree.body if isinstance(n, ast.FunctionDef)] == ["__len__", "decode"]
    assert "def encode" not in text
    assert "\n\n\n" not in text


def test_an_unknown_method_lists_the_known():
    with pytest.raises(AttributeError, match=r"defines no encod; it defines: .*encode"):
        listing(Vocab, methods=["encod"])


@pytest.mark.parametrize("obj", [len, 3, "text", object()])
def test_what_has_no_source_is_refused(obj):
    with pytest.raises(TypeError, match="no Python source"):
        listing(obj)


def test_a_fence_inside_the_code_does_not_end_it():
    code = 'x = "````"'
    assert fence(code).startswith("`````python\n")
    assert fence("y = 1") == "```python\ny = 1\n```"


def test_several_objects_and_a_plain_terminal(capsys):
    show(glue.plain, glue.bundle)
    out = capsys.readouterr().out
    assert out.strip() == listing(glue.plain) + "\n\n" + listing(glue.bundle)


def test_in_a_notebook_it_is_markdown_and_free_of_paths(tmp_path):
    source = "from llmbook import glue\nfrom llmbook.show import show\nshow(glue.glue)"
    [output] = run_cells(source, cwd=tmp_path).cells[0].outputs
    assert output.data["text/markdown"] == fence(listing(glue.glue))
    assert str(tmp_path) not in json.dumps(output)
    assert "code/llmbook" not in json.dumps(output)
