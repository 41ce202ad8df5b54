"""Docstrings of the standard library: read without running anything, each once, split by content.

Counts move with the Python release and are held in bands: 3.11 gave 5,9xx docstrings and 1.4
million characters.
"""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from llmbook.corpora import docstrings, pydocs

CODE = Path(docstrings.__file__).parents[2]


def test_there_is_enough_of_it():
    assert 1_000_000 < len(docstrings.text()) < 3_000_000
    assert 3_000 < len(docstrings.docstrings()) < 12_000


def test_each_content_stands_once_and_in_one_split():
    every = docstrings.docstrings()
    assert len({d.key for d in every}) == len(every)
    assert all(d.key == pydocs.key_of(d.text) for d in every)
    assert all(d.split == pydocs.split_of(d.key) for d in every)
    assert sum(len(docstrings.docstrings(s)) for s in pydocs.SPLITS) == len(every)


def test_modules_come_in_the_order_of_their_paths():
    names = [d.module for d in docstrings.docstrings()]
    order = list(dict.fromkeys(names))
    assert names == [n for name in order for n in [name] * names.count(name)]
    paths = [p.as_posix() for p in docstrings.modules()]
    assert paths == sorted(paths)


def test_tests_and_foreign_code_are_left_out():
    modules = {d.module for d in docstrings.docstrings()}
    folders = {part for module in modules for part in module.split(".")[:-1]}
    assert not folders & docstrings.SKIPPED
    assert {"argparse", "collections.__init__", "logging.config"} <= modules


def test_a_known_docstring_is_there_whole():
    """One line long, so that it is the same before and after Python 3.13 strips indentation."""
    import json

    [found] = [d for d in docstrings.docstrings() if d.text == json.JSONEncoder.iterencode.__doc__
               or d.text.startswith("Encode the given object and yield each string")]  # fmt: skip
    assert found.module == "json.encoder"


def test_reading_finds_what_ast_walk_finds(tmp_path):
    path = tmp_path / "sample.py"
    path.write_text(
        '"""Module."""\n'
        "def f():\n    '''Function.'''\n    class A:\n        'Class.'\n"
        "try:\n    pass\nexcept ValueError:\n    def g():\n        'In a handler.'\n"
        "match 1:\n    case 1:\n        def h():\n            'In a case.'\n"
        "if True:\n    async def k():\n        'Async.'\n"
        "class NoDoc:\n    x = 'no docstring'\n",
        "utf-8",
    )
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = (n for n in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(n, kinds))
    expected = {ast.get_docstring(n) for n in nodes} - {None}
    assert set(docstrings.read(path)) == expected
    assert len(expected) == 6


@pytest.mark.parametrize("raw", [b"def f(:", b"\xff\xfe\x00", b"x = '\x00'", b""])
def test_a_damaged_file_gives_nothing(tmp_path, raw):
    path = tmp_path / "damaged.py"
    path.write_bytes(raw)
    assert list(docstrings.read(path)) == []


def test_nothing_is_imported_and_the_text_is_the_same_in_a_fresh_process():
    code = (
        "import sys, hashlib\n"
        "from llmbook.corpora import docstrings\n"
        "before = set(sys.modules)\n"
        "text = docstrings.text('valid')\n"
        "new = {m for m in set(sys.modules) - before if not m.startswith(('encodings', '_'))}\n"
        "assert not new & {'this', 'antigravity', 'turtle', 'asyncio', 'sqlite3'}, new\n"
        "print(hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest())"
    )
    import hashlib

    run = [sys.executable, "-c", code]
    env = {"PYTHONPATH": str(CODE), "PYTHONHASHSEED": "7", "PATH": ""}
    done = subprocess.run(run, capture_output=True, text=True, env=env, check=True)
    mine = docstrings.text("valid").encode("utf-8", "surrogatepass")
    assert done.stdout.strip() == hashlib.sha256(mine).hexdigest()


def test_a_limit_keeps_whole_docstrings():
    text = docstrings.text("train", limit=50_000)
    assert 40_000 < len(text) <= 50_000
    assert docstrings.text("train").startswith(text.rstrip("\n"))
    assert docstrings.text(limit=0) == ""


def test_an_unknown_split_is_named():
    with pytest.raises(ValueError, match="got 'dev'"):
        docstrings.text("dev")


def test_provenance_says_where_it_comes_from():
    said = docstrings.provenance()
    assert said["licence"] == "PSF-2.0"
    assert sum(said["docstrings"].values()) == len(docstrings.docstrings())
